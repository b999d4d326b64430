class CreatePosts < ActiveRecord::Migration[6.1]; def change; create_table(:posts) { |t| t.string :title; t.timestamps }; end; end
