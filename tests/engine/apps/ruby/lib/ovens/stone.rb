module Ovens
  # A stone oven.
  class Stone
    def heat = 280
  end
end
