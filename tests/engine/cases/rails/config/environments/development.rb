Rails.application.configure do
  config.cache_classes = false; config.eager_load = false; config.consider_all_requests_local = true
  config.public_file_server.enabled = true
  config.action_mailer.delivery_method = :file; config.action_mailer.file_settings = {location: '/tmp/mails'}
  config.cache_store = ENV["CACHE"] ? [ENV["CACHE"].to_sym, "/tmp/cache"] : :memory_store
end
