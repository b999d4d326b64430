# The names alone.
module Plain
  def self.show(loaves) = loaves.map { |loaf| loaf[:name] }.join(', ')
end
