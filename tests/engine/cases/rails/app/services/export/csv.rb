module Export; class Csv; def call; require 'csv'; CSV.generate { |c| c << [1, 'a b'] }; end; end; end
