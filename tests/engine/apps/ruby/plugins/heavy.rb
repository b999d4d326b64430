require 'set'

# The heaviest.
module Heavy
  def self.show(loaves) = SortedGrams.new(loaves).last

  # The loaves by weight.
  class SortedGrams
    def initialize(loaves) = @names = loaves.sort_by { |loaf| loaf[:grams] }.map { |loaf| loaf[:name] }
    def last = @names.last
  end
end
