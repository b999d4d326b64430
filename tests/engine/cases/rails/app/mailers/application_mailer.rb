class ApplicationMailer < ActionMailer::Base; default from: 'x@example.org'; end
