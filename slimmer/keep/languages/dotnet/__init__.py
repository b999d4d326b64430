"""What .NET can load: referenced assemblies, native libraries, assets that a manifest lists, files that an assembly names."""
