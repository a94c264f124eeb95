using System.Reflection;
using LongSeqKernels.Tests;
using NUnit.Framework;

namespace LongSeqKernels.Packages.Tests;

/// <summary>The repository that these tests were built in, and how.</summary>
internal static class Repository
{
    /// <summary>Its folder; tests that need it are skipped by name where they run elsewhere.</summary>
    public static string Root
    {
        get
        {
            if (RepositoryRoot.Path is null)
            {
                Assert.Ignore($"The packages were NOT TESTED: no {RepositoryRoot.Solution} above {AppContext.BaseDirectory}, nothing to pack.");
            }
            return RepositoryRoot.Path;
        }
    }

    /// <summary>Debug or Release.</summary>
    public static string Configuration => Metadata(nameof(Configuration));

    /// <summary>Where the packages of others lie that this repository was built with.</summary>
    public static string PackageFolder => Metadata(nameof(PackageFolder));

    /// <summary>The version without what comes behind a hyphen.</summary>
    public static string VersionPrefix => Metadata(nameof(VersionPrefix));

    /// <summary>Why a library was left out of this build, as its assembly tells; null when it was not.</summary>
    public static string? WhyLeftOut(string library) =>
        Assembly.Load(library).GetCustomAttributes<AssemblyMetadataAttribute>().SingleOrDefault(attribute => attribute.Key == "LeftOut")?.Value;

    /// <summary>Ends a test of a library that was left out of this build, by name.</summary>
    public static void Require(string library)
    {
        if (WhyLeftOut(library) is { } reason)
        {
            Assert.Ignore($"{library} was NOT TESTED: {reason}.");
        }
    }

    private static string Metadata(string key) =>
        typeof(Repository).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(attribute => attribute.Key == key).Value!;
}
