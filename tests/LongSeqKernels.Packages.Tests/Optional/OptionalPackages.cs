using System.Xml.Linq;

namespace LongSeqKernels.Packages.Tests;

/// <summary>The packages that a feed may lack.</summary>
internal static class OptionalPackages
{
    /// <summary>The lines of a <c>Directory.Packages.props</c> that mark one.</summary>
    public static IEnumerable<XElement> In(XDocument versions) =>
        versions.Descendants("PackageVersion").Where(version => (string?)version.Attribute("Optional") == "true");
}
