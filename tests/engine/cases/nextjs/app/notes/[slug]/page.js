import { readFile } from 'node:fs/promises'
import { notFound } from 'next/navigation'
import path from 'node:path'

export const dynamic = 'force-dynamic'

export default async function Page({ params }) {
  try {
    const text = await readFile(path.join(process.cwd(), 'content', `${path.basename(params.slug)}.txt`), 'utf8')
    return <article>{text}</article>
  } catch {
    notFound()
  }
}
