class CleanJob < ActiveJob::Base; def perform(n); n * 2; end; end
