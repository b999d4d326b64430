"""Keep what JavaScript can load under Node: modules, their package.json files, native addons, named files and folders."""
