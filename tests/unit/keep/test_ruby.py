"""The Ruby rule, for small apps laid out as Ruby expects."""

from __future__ import annotations

from pathlib import Path

import pytest
from syrupy.assertion import SnapshotAssertion

from slimmer.image.config import ImageConfig
from slimmer.keep.languages.ruby.language import RUBY
from slimmer.keep.sources.language_analyzer import LanguageAnalyzer
from tests.unit.keep.script_image import ScriptImage
from tests.unit.local_image import followed, follower, opened
from tests.work import work_of_at_most

ruby = follower(LanguageAnalyzer(RUBY))

APP = "/srv/app/app.rb"
STANDARD = "/usr/local/lib/ruby/3.1.0"
GEMS = "/usr/local/bundle"
CONFIG = ImageConfig("sha256:1", "amd64", "linux", working_dir="/srv/app", env=("PATH=/usr/bin", f"GEM_HOME={GEMS}"))


@pytest.fixture
def image(tmp_path: Path) -> ScriptImage:
    return ScriptImage(
        tmp_path, ruby, app=APP, program="/usr/local/bin/ruby", config=CONFIG, always=[f"{STANDARD}/monitor.rb"]
    )


def test_files_are_found_however_they_are_loaded(image: ScriptImage, snapshot: SnapshotAssertion) -> None:
    image.add(
        APP,
        """
        require_relative "one"
        require "csv"
        autoload :Late, File.join(__dir__, "late")
        def four; load File.expand_path("../four.rb", __FILE__); end
        require "#{__dir__}/five"
        $LOAD_PATH.unshift File.join(__dir__, "lib")
        require "six/inner"
        # require "comment"
        """,
    )
    for name in ("one.rb", "late.rb", "four.rb", "five.rb", "lib/six/inner.rb", "comment.rb", "lib/seven.rb"):
        image.add(f"/srv/app/{name}")
    image.add(f"{STANDARD}/csv.rb", "require_relative 'csv/parser'; begin; require 'date_core'; rescue LoadError; end")
    image.add(f"{STANDARD}/csv/parser.rb")
    image.add(f"{STANDARD}/x86_64-linux/date_core.so")
    image.add(f"{STANDARD}/x86_64-linux/monitor.so")
    image.add(f"{STANDARD}/set.rb")
    assert image.explained() == snapshot


def test_files_and_programs_within_other_texts(image: ScriptImage) -> None:
    image.add(APP, 'puts "#{(load "one.rb"; One.name)} at " + `git rev-parse HEAD`; puts "for #{`whoami`}"')
    image.add("/srv/app/one.rb")
    for name in ("git", "whoami"):
        image.add(f"/usr/bin/{name}", "program", mode=0o755)
    assert image.kept() == {"/srv/app/one.rb", "/usr/bin/git", "/usr/bin/whoami"}


def test_who_loads_is_told_with_the_method(image: ScriptImage) -> None:
    image.add(APP, "def late\n  require 'csv'\nend\n")
    image.add(f"{STANDARD}/csv.rb")
    context = image.context(*(opened(path, by="/usr/bin/ruby") for path in (APP, f"{STANDARD}/monitor.rb")))
    (reason,) = followed(context, ruby, APP).reasons(f"{STANDARD}/csv.rb")
    assert str(reason) == "ruby: required by /srv/app/app.rb in late()"


def test_gems_come_with_their_specifications_and_extensions(image: ScriptImage) -> None:
    image.add(APP, "get('/') { require 'pg' }")
    image.add(f"{GEMS}/gems/pg-1.10.0/lib/pg.rb", "require 'pg_ext'; autoload :Result, 'pg/result'")
    image.add(f"{GEMS}/gems/pg-1.9.0/lib/pg.rb")
    image.add(f"{GEMS}/gems/pg-1.10.0/lib/pg/result.rb")
    image.add(f"{GEMS}/gems/pg-1.10.0/spec/pg_spec.rb")
    image.add(f"{GEMS}/extensions/x86_64-linux/3.1.0/pg-1.10.0/pg_ext.so")
    image.add(f"{GEMS}/specifications/pg-1.10.0.gemspec")
    image.add(f"{GEMS}/specifications/other-1.0.gemspec")
    assert image.kept() == {
        f"{GEMS}/gems/pg-1.10.0/lib/pg.rb",
        f"{GEMS}/gems/pg-1.10.0/lib/pg/result.rb",
        f"{GEMS}/extensions/x86_64-linux/3.1.0/pg-1.10.0/pg_ext.so",
        f"{GEMS}/specifications/pg-1.10.0.gemspec",
    }


def test_gems_beside_the_language_and_with_a_load_path_of_their_own(image: ScriptImage) -> None:
    home = "/usr/lib/ruby/gems/3.1.0"
    image.add(APP, "def late; require 'rexml/document'; require 'concurrent/map'; end")
    image.add(f"{home}/gems/rexml-3.2.5/lib/rexml/document.rb", "require_relative 'element'")
    image.add(f"{home}/gems/rexml-3.2.5/lib/rexml/element.rb")
    image.add(f"{home}/gems/concurrent-ruby-1.1.6/lib/concurrent-ruby/concurrent/map.rb")
    image.add(f"{home}/specifications/rexml-3.2.5.gemspec")
    kept = image.kept(APP, f"{home}/specifications")
    assert kept == {
        f"{home}/gems/rexml-3.2.5/lib/rexml/document.rb",
        f"{home}/gems/rexml-3.2.5/lib/rexml/element.rb",
        f"{home}/gems/concurrent-ruby-1.1.6/lib/concurrent-ruby/concurrent/map.rb",
        f"{home}/specifications/rexml-3.2.5.gemspec",
    }


def test_what_a_gem_tries_of_gems_that_nobody_uses_is_left(image: ScriptImage) -> None:
    image.add(APP, "require 'tilt'")
    image.add(
        f"{GEMS}/gems/tilt-2.0/lib/tilt.rb", "def haml; require 'haml'; end; require 'rack'; autoload :Own, 'tilt/own'"
    )
    for name in ("haml-6.0/lib/haml.rb", "rack-2.0/lib/rack.rb", "tilt-2.0/lib/tilt/own.rb"):
        image.add(f"{GEMS}/gems/{name}")
    names = ("tilt-2.0/lib/tilt.rb", "rack-2.0/lib/rack.rb", "tilt-2.0/lib/tilt/own.rb")
    assert image.kept() == {f"{GEMS}/gems/{name}" for name in names}


def test_what_a_gem_tries_of_gems_that_are_locked_for_the_app_is_kept(image: ScriptImage) -> None:
    image.add(APP, 'require "support"')
    image.add("/srv/app/Gemfile.lock", "GEM\n  specs:\n    builder (3.2.4)\n    support (1.0)\n      builder (~> 3)\n")
    image.add(f"{GEMS}/gems/support-1.0/lib/support.rb", 'def xml; require "support/builder"; end')
    image.add(f"{GEMS}/gems/support-1.0/lib/support/builder.rb", 'begin; require "builder"; rescue LoadError; end')
    image.add(f"{GEMS}/gems/support-1.0/lib/support/json.rb")
    for gem in ("builder-3.2.4", "other-1.0"):
        image.add(f"{GEMS}/gems/{gem}/lib/{gem.partition('-')[0]}.rb")
    opened_too = ("/srv/app/Gemfile.lock", f"{GEMS}/gems/support-1.0/lib/support/json.rb")
    kept = image.kept(APP, f"{GEMS}/gems/support-1.0/lib/support.rb", *opened_too)
    assert f"{GEMS}/gems/builder-3.2.4/lib/builder.rb" in kept and f"{GEMS}/gems/other-1.0/lib/other.rb" not in kept


def test_what_a_gem_tries_of_gems_that_it_needs_is_kept_without_a_lock_file(image: ScriptImage) -> None:
    lib = f"{GEMS}/gems/support-1.0/lib/support.rb"
    image.add(APP, "require 'support'")
    image.add(lib, "def to_xml; require 'builder'; end; def other; require 'chance'; end")
    image.add(f"{GEMS}/specifications/support-1.0.gemspec", 's.add_runtime_dependency(%q<builder>.freeze, ["~> 3"])')
    builder = {f"{GEMS}/gems/builder-3.2/lib/builder.rb", f"{GEMS}/specifications/builder-3.2.gemspec"}
    for path in (*builder, f"{GEMS}/gems/chance-1.0/lib/chance.rb"):
        image.add(path)
    assert image.kept(APP, lib) == builder | {f"{GEMS}/specifications/support-1.0.gemspec"}


def test_autoload_without_a_path_follows_the_constants_name(image: ScriptImage) -> None:
    library = f"{GEMS}/gems/active-7.0/lib"
    image.add(APP, "require 'active'")
    image.add(
        f"{library}/active.rb", "module Active; extend Autoload; autoload :LogSubscriber; autoload :HTTPClient; end"
    )
    image.add(f"{library}/active/log_subscriber.rb")
    image.add(f"{library}/active/http_client.rb")
    image.add(f"{library}/active/other.rb")
    assert image.kept() == {
        f"{library}/{name}" for name in ("active.rb", "active/log_subscriber.rb", "active/http_client.rb")
    }


def test_files_of_autoloads_in_a_folder_or_a_file_of_their_own(image: ScriptImage) -> None:
    lib = f"{GEMS}/gems/record-1.0/lib"
    image.add(APP, "require 'record'")
    image.add(f"{lib}/record/parsers.rb")
    image.add(
        f"{lib}/record.rb",
        'register_autoload :Parsers, "record/parsers"; autoload_under("relation") { autoload :QueryMethods }; autoload_at("record/all") { autoload :One }',
    )
    found = {f"{lib}/record/relation/query_methods.rb", f"{lib}/record/all.rb"}
    for path in (*found, f"{lib}/record/relation/other.rb"):
        image.add(path)
    assert image.kept() == found | {f"{lib}/record.rb", f"{lib}/record/parsers.rb"}


@pytest.mark.parametrize(
    ("source", "name"),
    [
        (
            "def paths; %w( rails/commands commands ); end; def run(name); require name; end",
            "rails/commands/rake/rake_command.rb",
        ),
        ('def tasks; %w(a).each { |task| load "rails/tasks/#{task}.rake" }; end', "rails/tasks/log.rake"),
        ('def of(kind); require "rails/adapters/#{kind}_adapter"; end', "rails/adapters/small_adapter.rb"),
    ],
)
def test_a_library_finds_its_files_by_computed_names(image: ScriptImage, source: str, name: str) -> None:
    lib = f"{GEMS}/gems/railties-6.1/lib"
    image.add(APP, "require 'rails'")
    image.add(f"{lib}/rails.rb", f"def a; require 'set'; end; {source}")
    files = ("rails/commands/rake/rake_command.rb", "rails/tasks/log.rake", "rails/adapters/small_adapter.rb")
    for path in (*files, "rails/adapters/other.rb", "commands/other.rb"):
        image.add(f"{lib}/{path}")
    assert image.kept() == {f"{lib}/rails.rb", f"{lib}/{name}"}


def test_views_public_files_and_named_folders(image: ScriptImage) -> None:
    image.add(
        APP, "set :mails, File.join(settings.root, 'mails'); File.read('data/terms.txt'); Dir[\"#{__dir__}/jobs/*.rb\"]"
    )
    named = ("views/index.erb", "views/partials/a.erb", "public/a.css", "mails/m.txt", "data/terms.txt")
    for name in (*named, "spec/app_spec.rb", "data/other.txt"):
        image.add(f"/srv/app/{name}")
    assert image.kept() == {f"/srv/app/{name}" for name in named}


def test_compiled_code_requires_by_texts_in_it(image: ScriptImage) -> None:
    image.add(APP, "require 'psych'")
    image.add(f"{STANDARD}/psych.rb", "require 'psych.so'")
    image.add(f"{STANDARD}/x86_64-linux/psych.so", b"\x7fELF\0psych/syntax_error\0no/such\0")
    image.add(f"{STANDARD}/x86_64-linux/other.so")
    image.add(f"{STANDARD}/psych/syntax_error.rb")
    start = (APP, f"{STANDARD}/x86_64-linux/other.so")
    assert image.kept(*start) == {
        f"{STANDARD}/psych.rb", f"{STANDARD}/x86_64-linux/psych.so", f"{STANDARD}/psych/syntax_error.rb",
    }  # fmt: skip


def test_package_managers_do_not_bring_all_of_themselves(image: ScriptImage) -> None:
    image.add(
        f"{STANDARD}/rubygems.rb",
        "autoload :Installer, 'rubygems/installer'; def yaml; require 'yaml'; end; require 'rubygems/compat'",
    )
    for name in ("rubygems/installer.rb", "rubygems/compat.rb", "yaml.rb"):
        image.add(f"{STANDARD}/{name}")
    assert image.kept(f"{STANDARD}/rubygems.rb") == {f"{STANDARD}/rubygems/compat.rb"}


@pytest.mark.parametrize(("source", "every"), [("puts 1", False), ("name.encode('Shift_JIS')", True)])
def test_small_encodings_stay_and_all_if_a_source_asks_for_encodings(
    image: ScriptImage, source: str, every: bool
) -> None:
    image.add(APP, source)
    image.add(f"{STANDARD}/enc/iso_8859_15.so")
    image.add(f"{STANDARD}/enc/trans/big5.so", b"x" * 500_000)
    kept = image.kept()
    assert f"{STANDARD}/enc/iso_8859_15.so" in kept
    assert (f"{STANDARD}/enc/trans/big5.so" in kept) is every


def test_programs_that_are_started(image: ScriptImage) -> None:
    image.add(
        APP, "system('convert', 'a'); x = `git log`; Open3.capture2('wc -l'); IO.popen(%w[sort -r]); popen(['jq', '.'])"
    )
    programs = {f"/usr/bin/{name}" for name in ("convert", "git", "wc", "sort", "jq")}
    for path in (*programs, "/usr/bin/other"):
        image.add(path, mode=0o755)
    assert image.kept() == programs


@pytest.mark.parametrize(
    "statement",
    [
        'Dir[File.join(__dir__, "jobs", "**", "*.rb")].each { |file| require file }',
        'Dir["./jobs/**/*.rb"].each { |file| require file }',
        'Dir.glob("#{__dir__}/jobs/**/{a,b}.rb") { |file| load file }',
        'require_all "jobs"',
        'Zeitwerk::Loader.new.push_dir("#{__dir__}/jobs")',
        'Dir.children("#{__dir__}/jobs").each { |name| require_relative "jobs/#{name}" }',
    ],
)
def test_files_that_are_loaded_because_they_are_in_a_folder(image: ScriptImage, statement: str) -> None:
    image.add(APP, statement)
    image.add("/srv/app/jobs/deep/a.rb", 'require_relative "../../helper"')
    image.add("/srv/app/helper.rb")
    image.add("/srv/app/other.rb")
    assert image.kept() == {"/srv/app/jobs/deep/a.rb", "/srv/app/helper.rb"}


def test_a_gem_whose_constants_are_autoloaded(image: ScriptImage) -> None:
    gem = f"{GEMS}/gems/shop-1.0"
    image.add(APP, 'require "shop"')
    image.add(f"{gem}/lib/shop.rb", 'require "zeitwerk"; Zeitwerk::Loader.for_gem.setup')
    image.add(f"{gem}/lib/shop/cart.rb", 'require "set"')
    image.add(f"{gem}/lib/shop/tasks.txt")
    image.add(f"{STANDARD}/set.rb")
    assert image.kept() == {
        f"{gem}/lib/shop.rb",
        f"{gem}/lib/shop/cart.rb",
        f"{gem}/lib/shop/tasks.txt",
        f"{STANDARD}/set.rb",
    }


def test_a_library_loads_its_files_by_a_method_of_its_own(image: ScriptImage) -> None:
    gem = f"{GEMS}/gems/shop-1.0/lib"
    image.add(APP, 'require "shop"')
    image.add(f"{gem}/shop.rb", 'module Shop; def self.load_file(path) = nil; end; Shop.load_file "cart/line"')
    image.add(f"{gem}/shop/cart/line.rb", 'module Shop; load_file "tax"; end')
    for name in ("tax.rb", "gift.rb"):
        image.add(f"{gem}/shop/{name}")
    assert image.kept() == {f"{gem}/{name}" for name in ("shop.rb", "shop/cart/line.rb", "shop/tax.rb")}


def test_a_program_of_the_app_that_it_starts_with_arguments(image: ScriptImage) -> None:
    image.add(APP, "def late = `#{__dir__}/hooks/notify --all`")
    image.add("/srv/app/hooks/notify", "#!/bin/sh", mode=0o755)
    assert "/srv/app/hooks/notify" in image.kept()


def test_images_without_ruby_cost_nothing(image: ScriptImage) -> None:
    image.add(APP, "require 'csv'")
    followed(image.context(opened(APP, by="/usr/bin/cat")), ruby, APP)
    assert image.reads == []


@pytest.mark.parametrize(
    "content",
    [
        b"(" * 200_000,
        b'"#{' * 100_000,
        b"require(" * 50_000,
        b"a+" * 100_000 + b"1",
        b"File.join(__dir__," * 20_000,
        b"<<A\n" * 50_000,
        b"%w[" * 50_000,
        b"\xff\xfe\x00require 'x'",
        b"require '" + b"../" * 100_000 + b"etc/passwd'",
        b"require_relative '../../../../../../../../etc/passwd'",
    ],
)
def test_hostile_sources_end_soon(image: ScriptImage, content: bytes) -> None:
    image.add(APP, content)
    image.add("/etc/shadow")
    with work_of_at_most(2000):
        assert image.kept() == set()
