import Image from 'next/image'
import Link from 'next/link'

export default function Page() {
  return (
    <main>
      <h1>Shop</h1>
      <Image src="/sign.png" alt="sign" width={64} height={64} />
      <Link href="/notes/nails">Nails</Link> <Link href="/about">About</Link>
    </main>
  )
}
