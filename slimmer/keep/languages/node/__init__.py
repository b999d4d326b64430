"""What JavaScript run by Node can load: modules, their package.json files, native addons, named files and folders."""
