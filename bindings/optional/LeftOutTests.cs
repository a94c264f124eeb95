using System.Reflection;
using NUnit.Framework;

namespace LongSeqKernels.Tests;

/// <summary>Stands in for the tests of a project that is left out.</summary>
public sealed class LeftOutTests
{
    [Test]
    public void ThisSuiteWasNotRun()
    {
        Assembly assembly = typeof(LeftOutTests).Assembly;
        string? reason = assembly.GetCustomAttributes<AssemblyMetadataAttribute>().First(attribute => attribute.Key == "LeftOut").Value;
        Assert.Ignore($"{assembly.GetName().Name} was NOT RUN: {reason}.");
    }
}
