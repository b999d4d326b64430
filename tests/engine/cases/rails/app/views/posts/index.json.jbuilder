json.array! @posts, :id, :title
