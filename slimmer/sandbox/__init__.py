"""Reads files of an image in child processes, so that no content can crash, hang or fill the process that builds.

An image is untrusted, and so is each file in it: a source may overflow the C stack of a parser, or keep it busy for ever.
Whatever makes sense of a file's bytes is a *reader*: a function that runs in a child process with few rights and hard limits
(slimmer.sandbox.limits). The parent sends bytes and gets JSON back, which it checks by type (slimmer.sandbox.facts).

How to add a reader:

1. Write a function of the content, and of plain arguments if it needs some (texts, numbers, flags, lists and tables of those).
   It returns a frozen dataclass of texts, numbers, flags, enumerations, other such dataclasses, and tuples and frozen sets of
   them (no None, no dictionaries, no bytes). It opens no files and imports nothing when it is called: a child cannot. What has to be
   loaded first is loaded by slimmer.sandbox.readers.before_confinement.

       @dataclass(frozen=True, slots=True)
       class Owners:
           names: tuple[str, ...] = ()

       @reader
       def read_owners(content: bytes, first: str) -> Owners: ...

2. Ask for it, for many files at once, since a batch may be shared out between children:

       from slimmer.sandbox.sandbox import Job

       found = image.sandbox.facts(read_owners, Owners, [Job(path, content, ("root",)) for path, content in contents])

   The answer is a list, in the order of the jobs. None stands for a file that could not be read: its reader died, or ran out
   of time or memory, or raised an exception. The sandbox notes its path for the user (Sandbox.notes), so that the caller only
   has to go on as if the file said nothing. Nothing is raised for what a file contains.

The sandbox names no reader itself: a child is told where the readers are that this process has declared (slimmer.sandbox.readers). A
language's `read` is declared by whoever reads its sources (slimmer.keep.sources.reading).
"""
