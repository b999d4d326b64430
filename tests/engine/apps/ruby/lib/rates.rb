# Rates.
module Rates
  PER_KILOGRAM = 6
end
