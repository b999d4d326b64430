namespace :shop do; desc 'Stock'; task stock: :environment do; puts "stock #{Post.count}"; end; end
