"""The folders that rules tell apart by their place: the system's, those that many share, and those in which apps are installed.

The places are those of the Filesystem Hierarchy Standard 3.0, and of Docker's official images. Each rule names the set that it uses. The
reason why a set differs from another one stands below it.
"""

from __future__ import annotations

import re

_TOKEN = re.compile(r"lib\*|[*{},]|[^*{},]+?(?=lib\*|[*{},]|$)")
_MEANINGS = {"lib*": r"lib(?:x?\d{2}|exec)?", "*": "[^/]*", "{": "(?:", "}": ")", ",": "|"}


class Folders:
    """A set of folders, given as words with spaces between them: a path is in it or not.

    A word is an absolute path. As in a shell, `{usr,var}` stands for either name, and `*` for any name. `lib*` stands for lib, libexec
    and the libraries of other formats (lib32, lib64, libx32), but not for library.
    """

    def __init__(self, whole: str = "", alone: str = "", *, without: str = "") -> None:
        """`whole` counts with everything below it, and `alone` does not. What is below `without` does not count."""
        inside = "|".join([*(f"{_pattern(word)}(?:/.*)?" for word in whole.split()), *map(_pattern, alone.split())])
        self._inside = re.compile(inside, re.DOTALL)
        self._outside = re.compile("|".join(f"{_pattern(word)}/.*" for word in without.split()) or "(?!)", re.DOTALL)

    def __contains__(self, path: object) -> bool:
        return isinstance(path, str) and bool(self._inside.fullmatch(path)) and not self._outside.fullmatch(path)


def _pattern(word: str) -> str:
    return "".join(_MEANINGS.get(token) or re.escape(token) for token in _TOKEN.findall(word))


_KERNEL = "/{dev,proc,sys}"
_PASSING = "/{run,tmp}"
_PROGRAMS = "/{bin,boot,etc,lib*,sbin}"
_SYSTEM = f"{_KERNEL} {_PASSING} {_PROGRAMS}"
"""Where no distribution and no Dockerfile puts an app."""

_PREFIXES = "/usr{,/local}"

SYSTEM = Folders(f"{_SYSTEM} /usr /var")
"""The system's. Files of an app can lie here too: in WORKDIR, and in APPS."""

SYSTEM_AND_ROOT = Folders(f"{_SYSTEM} /usr /var /root")
"""For sources: in root's home, package managers and interpreters keep sources of their own (.julia, .raku, quicklisp)."""

APPS = Folders(
    "/usr/{src,app,local/app,share/nginx}/* /var/{www,task,app}/* /usr/local/share/*/*",
    without="/usr/local/share/{ca-certificates,doc,fonts,info,locale,man,xml,zoneinfo}",
)
"""The places within SYSTEM that images put apps in: Docker's official images, AWS Lambda (/var/task), Elastic Beanstalk (/var/app)."""

NO_CONTENT = Folders(f"{_SYSTEM} /root /usr /var", without="/var/{lib,www,opt}")
"""For folders that a string names: what lies below /var/lib, /var/www and /var/opt is an app's content."""

NO_STATE = Folders(f"{_SYSTEM} /root /var/{{backups,cache,lib,local,lock,log,opt,run,spool,tmp}}")
"""For state: what lies right in /var is an app's own (/var/data). Below /usr, the owner decides. /var/lib has a rule of its own."""

NO_STATE_ALONE = Folders(
    alone="/ /{home,media,mnt,opt,srv,usr,var} /home/* /usr/{local,share,src,lib*} /usr/local/* /var/www"
)
"""For state: folders in which those of many apps lie. None of them is the state of one."""

NO_STATIC_ROOT = Folders(_SYSTEM, alone="/ /usr /usr/{share,local,lib} /{var,srv,opt,home}")
"""For static roots: packages hold them too, so those below /usr and /var count. The folders around them do not."""

NO_DOCUMENT_ROOT = Folders(
    _KERNEL,
    alone=f"/ {_PASSING} {_PROGRAMS} /{{home,media,mnt,opt,root,srv,usr,var}} /usr/local /var/{{cache,lib,log,run,spool,tmp}}"
    f" {_PREFIXES}/{{bin,include,lib*,libexec,sbin,share,share/doc,src}}",
)
"""For document roots: a configuration may name any folder, even one in /etc or /tmp. But nobody means to serve one of these whole."""

NO_CHOICES = Folders(
    f"{_KERNEL} {_PASSING}",
    alone="/ /etc {,/usr,/usr/local}/{bin,sbin,lib*,share,libexec,include} {,/usr}/lib/*-linux-*",
)
"""For choices of the environment: entries of all kinds lie right in these, and none is another value of a variable."""

NO_TEXTS = Folders(
    f"{_KERNEL}/* {_PASSING}/* /usr/{{lib,share}}/{{locale,i18n,man,zoneinfo,doc,info,help,X11}}",
)
"""For texts in other languages: the rules of locales and of documents decide about the system's. Any other folder may have some."""

NO_GLOBS = Folders(alone="{,/usr,/usr/local,/var}/{bin,sbin,lib*,share,etc,tmp,run} {,/usr,/usr/local,/var}/lib*/*")
"""For globs of scripts: a script that runs a glob here does not mean each file. Some packages have one folder of code in a lib folder."""

SHARED = Folders(
    alone="/ /{bin,sbin,lib*,opt,srv,home,mnt,media,data,var,usr,etc} /usr/local"
    f" {_PREFIXES}/{{bin,sbin,lib*,libexec,share,include,src,etc,games}} {{,/usr,/usr/local}}/lib*/*-linux-*"
    " /var/{lib,www,opt,spool} /usr/share/{misc,locale,man,doc,info}"
)
"""For the margin: apps and packages share these, so that lying in the same one makes no files kin. For packages of languages, see there."""

OWN_PLACES = Folders(alone="/{opt,srv,data} /var/{www,opt}")
"""Those of SHARED that are an app's own folder if they are the working directory of an image that has its app below."""

DISTRIBUTION = Folders(
    alone=f"{_KERNEL} {_PASSING} {_PROGRAMS} /{{home,lost+found,media,mnt,opt,root,srv,usr,var}}"
    " /usr/local/{bin,sbin,games,include,man,src}"
)
"""For the margin: the author of the image made whatever else lies right in / and /usr/local."""

NO_EMPTY = Folders(
    f"{_KERNEL} /{{bin,boot,lib*,sbin}} /usr /var/cache/{{apt,man,ldconfig}} /var/lib/{{apt,dpkg,apk,rpm,dnf,yum,pacman}}",
    "/ /{etc,home,lost+found,media,mnt,opt,root,run,srv,tmp,var} /var/*",
    without="/usr/local",
)
"""For empty folders: distributions make these, and no app writes there."""

OF_PACKAGES = Folders("/{etc,home,media,mnt,root,run,tmp,usr,var}", without="/usr/local/{etc,lib,libexec,share,var}")
"""For empty folders: packages make some here, which belong to root. The author made those anywhere else."""

PLAIN_DATA = Folders(f"{_KERNEL} /{{run,etc,lib*,usr,var}} /root/.*")
"""For files without a suffix and an x bit: here they are data (time zones, say). Elsewhere, an interpreter may run them as scripts."""

UNREAD = Folders(
    f"/boot {_KERNEL} {_PASSING} /var/{{cache,log,tmp,run,backups,lib/{{apt,dpkg,apk,rpm,dnf,yum,pacman}}}} {{,/usr}}/lib/apk"
    " /usr/lib/{apt,dpkg,sysimage,rpm}"
    " /etc/{apt,apk,dpkg,yum,yum.repos.d,dnf,cron.*,init.d,rc*.d,logrotate.d,default,kernel,systemd,bash_completion.d,skel}"
    " /usr{,/local}/share/{bash-completion,zsh,fish,lintian,bug,dpkg,keyrings,debhelper,menu,applications,icons,pixmaps}"
    " /usr{,/local}/share/{i18n,common-licenses,licenses}"
)
"""For the margin: no program of an app reads what lies here. It is there for the system's start, package managers, shells and desktops."""
