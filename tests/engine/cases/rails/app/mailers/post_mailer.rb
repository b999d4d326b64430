class PostMailer < ApplicationMailer; def hello; mail(to: params[:to], subject: 'Hello'); end; end
