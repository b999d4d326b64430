class Post < ApplicationRecord; include Sluggable; validates :title, presence: true, length: {maximum: 20}; end
