class PostsController < ApplicationController
  def index; @posts = Post.all; respond_to { |f| f.html; f.json; f.xml { render xml: @posts.map(&:title) } } end
  def create; p = Post.create(title: params[:title]); p.persisted? ? render(plain: "created #{p.title}", status: 201) : render(plain: p.errors.full_messages.to_sentence, status: 422) end
  def show; render plain: Post.find(params[:id]).title end
end
