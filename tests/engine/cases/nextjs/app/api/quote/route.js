import { readFile } from 'node:fs/promises'
import path from 'node:path'

export const dynamic = 'force-dynamic'

export async function GET(request) {
  const name = request.nextUrl.searchParams.get('item') ?? 'nails'
  const text = await readFile(path.join(process.cwd(), 'content', `${path.basename(name)}.txt`), 'utf8')
  return Response.json({ item: name, words: text.trim().split(' ').length })
}

export async function POST(request) {
  const { numbers } = await request.json()
  return Response.json({ sum: numbers.reduce((one, other) => one + other, 0) })
}
