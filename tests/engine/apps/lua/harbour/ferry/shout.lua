ngx.arg[1] = ngx.arg[1] and ngx.arg[1]:upper()
