class ApplicationController < ActionController::Base; skip_forgery_protection; around_action { |c, a| I18n.with_locale(params[:lang] || :en, &a) }; end
