# A bakery's site. Its front page needs little; each of its other pages needs something of its own.
require 'sinatra'

set :server, :webrick
set :bind, '0.0.0.0'
set :show_exceptions, false
disable :protection

$LOAD_PATH.unshift File.expand_path('lib', __dir__)
autoload :Prices, 'prices'
autoload :Ovens, File.join(__dir__, 'lib/ovens')

LOAVES = [
  { name: 'Rye', grams: 750 },
  { name: 'Chałka', grams: 400 }
].freeze

get('/') { erb :front }
get('/loaves/:number') { erb :loaf, locals: { loaf: LOAVES[params[:number].to_i - 1] } }
get('/report') { erb :report, layout: :wide }

get '/export.csv' do
  require 'csv'
  content_type 'text/csv'
  CSV.generate { |csv| LOAVES.each { |loaf| csv << loaf.values } }
end

get '/export.json' do
  require 'json'
  content_type :json
  JSON.pretty_generate(LOAVES)
end

get '/export.yaml' do
  require 'yaml'
  content_type 'text/plain'
  LOAVES.map { |loaf| loaf.transform_keys(&:to_s) }.to_yaml
end

get '/export.xml' do
  require 'rexml/document'
  content_type :xml
  document = REXML::Document.new('<loaves/>')
  LOAVES.each { |loaf| document.root.add_element('loaf', 'grams' => loaf[:grams].to_s).text = loaf[:name] }
  document.to_s
end

get '/parse' do
  require 'rexml/parsers/pullparser'
  names = []
  parser = REXML::Parsers::PullParser.new('<ul><li>Rye</li><li>Spelt</li></ul>')
  parser.each { |event| names << event[0] if event.text? }
  names.join(', ')
end

get '/search' do
  require 'sqlite3'
  database = SQLite3::Database.new(':memory:')
  Dir[File.join(__dir__, 'migrations', '*.sql')].sort.each { |file| database.execute_batch(File.read(file)) }
  database.execute('SELECT name FROM loaf ORDER BY name').flatten.join(', ')
end

get '/download' do
  require 'zlib'
  content_type 'application/zlib'
  Zlib::Deflate.deflate(LOAVES.inspect)
end

get('/charset/:name') { 'cr%C3%A8me'.then { |text| URI.decode_www_form_component(text) }.encode(params[:name]).bytes.inspect }

get '/time/*' do
  require 'tzinfo'
  TZInfo::Timezone.get(params['splat'].first).to_local(Time.utc(2024, 7, 1, 12)).strftime('%H:%M')
end

get '/price' do
  require 'bigdecimal'
  Prices.of(BigDecimal('0.75')).to_s('F')
end

get('/oven') { Ovens::Stone.new.heat.to_s }

get '/digest' do
  require 'openssl'
  require 'digest'
  OpenSSL::Digest.new('SHA3-256').hexdigest('Rye') + Digest::SHA2.hexdigest('Rye')
end

get '/tls' do
  require 'openssl'
  context = OpenSSL::SSL::SSLContext.new
  context.set_params
  (OpenSSL::X509::Store.new.tap(&:set_default_paths) && context.verify_mode == OpenSSL::SSL::VERIFY_PEER).to_s
end

get '/names' do
  require 'socket'
  require 'etc'
  [Addrinfo.getaddrinfo('localhost', 443, :INET, :STREAM).first.inspect_sockaddr, Etc.getpwuid.name].join(' ')
end

get('/words') { IO.popen(%w[sort -r], 'r+') { |io| io.puts(LOAVES.map { |loaf| loaf[:name] }); io.close_write; io.read } }
get('/date') { `date -u -d @0 +%Y` }

get '/plugin/:name' do
  require_relative "plugins/#{File.basename(params[:name])}"
  Object.const_get(params[:name].capitalize).show(LOAVES)
end

get '/hello/:language' do
  require 'yaml'
  YAML.load_file(File.join(__dir__, 'locales', "#{params[:language]}.yml"))['hello']
end

get '/mail' do
  require 'time'
  require 'securerandom'
  require 'erb'
  "#{Time.at(0).utc.rfc2822} #{SecureRandom.hex(2).size}"
end

get('/style.css') { send_file File.join(__dir__, 'assets', 'style.css') }
get('/crash') { raise 'the oven is cold' }

not_found { erb :missing }
error { erb :broken }
