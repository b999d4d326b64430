class MiscController < ApplicationController
  def show
    text = case params[:what]
      when 'mail' then PostMailer.with(to: 'a@example.org').hello.deliver_now.subject
      when 'job' then CleanJob.perform_now(3).to_s
      when 'export' then Export.const_get(params[:kind].camelize).new.call
      when 'zone' then Time.utc(2024, 7, 1).in_time_zone(params[:zone]).strftime('%H %Z')
      when 'cache' then Rails.cache.fetch('a') { 5 }.to_s
      when 'upload' then (File.write(Rails.root.join('uploads/a.txt'), 'x'); 'stored')
      when 'boom' then raise 'boom'
    end
    render plain: text
  end
end
