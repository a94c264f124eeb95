using NUnit.Framework;

namespace LongSeqKernels.Tests;

[SetUpFixture]
public sealed class SharedContexts
{
    [OneTimeTearDown]
    public void DisposeContexts() => BackendRegistry.DisposeAll();
}
