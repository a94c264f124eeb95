namespace LongSeqKernels.Packages.Tests;

/// <summary>A console project of somebody who has nothing of this repository but its packages.</summary>
internal sealed class FreshProject
{
    private readonly string _folder;

    /// <param name="name">Its name.</param>
    /// <param name="program">Its one file.</param>
    /// <param name="properties">MSBuild properties.</param>
    /// <param name="packages">What it references.</param>
    public FreshProject(string name, string program, string properties, params (string Id, string Version)[] packages)
    {
        _folder = Feed.NewFolder(name);
        Name = name;
        File.WriteAllText(Path.Combine(_folder, "Program.cs"), program);
        File.WriteAllText(Path.Combine(_folder, name + ".csproj"), $"""
            <Project Sdk="Microsoft.NET.Sdk">
              <PropertyGroup>
                <OutputType>Exe</OutputType>
                <TargetFramework>net10.0</TargetFramework>
                <ImplicitUsings>enable</ImplicitUsings>
                <Nullable>enable</Nullable>
                {properties}
              </PropertyGroup>
              <ItemGroup>
                {string.Concat(packages.Select(package => $"""<PackageReference Include="{package.Id}" Version="{package.Version}" />"""))}
              </ItemGroup>
            </Project>
            """);
    }

    /// <summary>The project's name.</summary>
    public string Name { get; }

    /// <summary>Restores the packages and builds.</summary>
    public Run Build() => Dotnet.Run(_folder, Feed.Variables, "build", "--nologo", "--output", "built", "-warnaserror");

    /// <summary>Runs what was built.</summary>
    public Run Start(params (string Name, string Value)[] variables) => Dotnet.Run(_folder, variables, Path.Combine(_folder, "built", Name + ".dll"));
}
