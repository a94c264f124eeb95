using System.Reflection;
using NUnit.Framework;

namespace LongSeqKernels.Tests;

/// <summary>Stands in for the tests of a project whose package could not be restored.</summary>
public sealed class LeftOutTests
{
    [Test]
    public void ThisSuiteWasNotRun()
    {
        Assembly assembly = typeof(LeftOutTests).Assembly;
        string? package = assembly.GetCustomAttributes<AssemblyMetadataAttribute>().First(attribute => attribute.Key == "LeftOut").Value;
        Assert.Ignore($"{assembly.GetName().Name} was NOT RUN: package {package} could not be restored from the configured feeds.");
    }
}
