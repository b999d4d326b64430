# What a loaf costs.
module Prices
  def self.of(kilograms)
    require 'rates'
    kilograms * Rates::PER_KILOGRAM
  end
end
