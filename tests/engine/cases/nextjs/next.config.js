module.exports = {
  output: 'standalone',
  experimental: { outputFileTracingIncludes: { '/notes/[slug]': ['./content/**'], '/api/quote': ['./content/**'] } },
}
