module ApplicationHelper; def shout(x); x.upcase; end; end
