# Ovens.
module Ovens
  autoload :Stone, "#{__dir__}/ovens/stone"
end
