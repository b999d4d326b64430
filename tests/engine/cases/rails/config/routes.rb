Rails.application.routes.draw do
  root to: proc { [200, {}, ['shop']] }
  resources :posts
  get '/misc/:what', to: 'misc#show'
end
