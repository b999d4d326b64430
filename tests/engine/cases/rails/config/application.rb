require_relative 'boot'
require 'rails'
%w[active_model active_job active_record action_controller action_mailer action_view].each { |x| require "#{x}/railtie" }
require 'jbuilder'
module Shop
  class Application < Rails::Application
    config.load_defaults 6.1
    config.i18n.available_locales = [:en, :de, :fr]
    config.hosts.clear
    config.active_record.dump_schema_after_migration = false
  end
end
