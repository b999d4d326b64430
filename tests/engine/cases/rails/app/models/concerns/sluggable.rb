module Sluggable; extend ActiveSupport::Concern; def slug; title.parameterize; end; end
