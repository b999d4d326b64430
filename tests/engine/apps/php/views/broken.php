<h1>Something is broken</h1>
