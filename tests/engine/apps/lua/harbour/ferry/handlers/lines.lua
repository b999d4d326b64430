return {
  run = function()
    local count = 0
    for _ in io.lines "/srv/harbour/data/passengers.csv" do
      count = count + 1
    end
    return count .. " passengers"
  end,
}
