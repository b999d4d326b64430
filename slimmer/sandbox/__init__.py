"""Read files of an image in child processes, so that no content can crash slimmer, hang it or exhaust its memory.

An image and all its files are untrusted. A source may overflow a parser's C stack, or keep it busy for ever. So a *reader*, a function
that interprets a file's bytes, runs in a child process with few rights and hard limits (slimmer.sandbox.limits). The parent sends
bytes, gets JSON back and checks its types (slimmer.sandbox.facts).

How to add a reader:

1. Write a function that takes the content and, if it needs them, plain arguments (texts, numbers, flags, lists and dictionaries of
   those). It returns a frozen dataclass of texts, numbers, flags, enumerations, other such dataclasses, and tuples and frozen sets of
   them, but no None, dictionaries or bytes. A child cannot open files or import modules, so the function must not either. Use
   slimmer.sandbox.readers.before_confinement for what has to be loaded first.

       @dataclass(frozen=True, slots=True)
       class Owners:
           names: tuple[str, ...] = ()

       @reader
       def read_owners(content: bytes, first: str) -> Owners: ...

2. Call it for many files at once, so that several children can share the batch:

       from slimmer.sandbox.sandbox import Job

       found = image.sandbox.facts(read_owners, Owners, [Job(path, content, ("root",)) for path, content in contents])

   The answer is a list in the order of the jobs. It has None for a file that could not be read, because its reader died, ran out of
   time or memory, or raised an exception. The sandbox notes the path for the user (Sandbox.notes), so the caller treats the file as
   empty. The content of a file never raises an exception.

The sandbox itself knows no reader. A child is told which readers this process has declared (slimmer.sandbox.readers).
slimmer.keep.sources.reading declares the `read` of each language.
"""
