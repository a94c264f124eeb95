using NUnit.Framework;

namespace LongSeqKernels.Tests;

/// <summary>Which backend runs, and what is said about it. Changes the process environment, so nothing else may run beside it.</summary>
[NonParallelizable]
public sealed class ContextSelectionTests
{
    private const string Variable = "LONGSEQ_BACKEND";

    private string? _before;

    [SetUp]
    public void RememberTheEnvironment() => _before = Environment.GetEnvironmentVariable(Variable);

    [TearDown]
    public void RestoreTheEnvironment() => Environment.SetEnvironmentVariable(Variable, _before);

    [TestCase(null)]
    [TestCase("")]
    public void AutoChoosesTheManagedBackendAndSaysWhy(string? variable)
    {
        Environment.SetEnvironmentVariable(Variable, variable);
        using LongSeqContext context = LongSeqContext.Create();

        Assert.That(context.Backend, Is.EqualTo(Backend.Managed));
        Assert.That(context.Explain(), Does.StartWith("managed: ").And.Contains("Auto chose it"));
    }

    [TestCase("reference", Backend.Reference)]
    [TestCase("Portable", Backend.Portable)]
    [TestCase("MANAGED", Backend.Managed)]
    public void TheVariableOverridesAuto(string variable, Backend expected)
    {
        Environment.SetEnvironmentVariable(Variable, variable);
        using LongSeqContext context = LongSeqContext.Create();

        Assert.That(context.Backend, Is.EqualTo(expected));
        Assert.That(context.Explain(), Does.Contain($"LONGSEQ_BACKEND={variable}"));
    }

    [TestCase(Backend.Reference)]
    [TestCase(Backend.Portable)]
    [TestCase(Backend.Managed)]
    public void ABackendNamedByTheCallerIgnoresTheVariable(Backend backend)
    {
        Environment.SetEnvironmentVariable(Variable, "nonsense");
        using LongSeqContext context = LongSeqContext.Create(backend);

        Assert.That(context.Backend, Is.EqualTo(backend));
        Assert.That(context.Explain(), Does.Contain("asked for by name"));
    }

    [TestCase("cuda")]
    [TestCase("auto")]
    [TestCase("2")]
    [TestCase("managed,reference")]
    public void AVariableThatNamesNoBackendIsRefused(string variable)
    {
        Environment.SetEnvironmentVariable(Variable, variable);

        Assert.That(
            () => LongSeqContext.Create(),
            Throws.InstanceOf<ArgumentException>().With.Message.Contains(Variable).And.Message.Contains(variable).And.Message.Contains("must be one of reference, portable, managed"));
    }

    [TestCase(-1)]
    [TestCase(1025)]
    public void ThreadsOutOfRangeAreRefused(int threads) =>
        Assert.That(
            () => LongSeqContext.Create(Backend.Managed, new LongSeqContextOptions { Threads = threads }),
            Throws.InstanceOf<ArgumentException>().With.Message.Contains("Threads").And.Message.Contains($"{threads}").And.Message.Contains("from 1 to 1024"));

    [Test]
    public void AnUndefinedBackendIsRefused() =>
        Assert.That(() => LongSeqContext.Create((Backend)99), Throws.InstanceOf<ArgumentException>().With.Message.Contains("99").And.Message.Contains("Managed"));

    [Test]
    public void AutoTakesAProviderThatFindsAGpuAndSaysWhy()
    {
        Environment.SetEnvironmentVariable(Variable, null);
        var provider = new FakeProvider(findsGpu: true);
        using LongSeqContext context = LongSeqContext.Create(Backend.Auto, Providers(provider));

        Assert.That(context.Backend, Is.EqualTo(Backend.Ilgpu));
        Assert.That(context.Explain(), Does.Contain("Auto chose it: the native library can use no GPU").And.Contains(FakeProvider.Found));
    }

    [Test]
    public void AutoPassesByAProviderWithoutAGpuAndSaysWhy()
    {
        Environment.SetEnvironmentVariable(Variable, null);
        var provider = new FakeProvider(findsGpu: false);
        using LongSeqContext context = LongSeqContext.Create(Backend.Auto, Providers(provider));

        Assert.That(context.Backend, Is.EqualTo(Backend.Managed));
        Assert.That(context.Explain(), Does.Contain("no GPU can be used").And.Contains(FakeProvider.NotFound));
        Assert.That(provider.Starts, Is.Zero);
    }

    [TestCase(null)]
    [TestCase("ilgpu")]
    public void AProviderThatIsNamedIsStartedWithoutAskingForAGpu(string? variable)
    {
        Environment.SetEnvironmentVariable(Variable, variable);
        var provider = new FakeProvider(findsGpu: false);
        using LongSeqContext context = LongSeqContext.Create(variable is null ? Backend.Ilgpu : Backend.Auto, Providers(provider));

        Assert.That(context.Backend, Is.EqualTo(Backend.Ilgpu));
        Assert.That(provider.Starts, Is.EqualTo(1));
    }

    [Test]
    public void ABackendOfAnotherPackageWithoutItsProviderIsRefusedWithWhereToGetIt() =>
        Assert.That(
            () => LongSeqContext.Create(Backend.Ilgpu),
            Throws.InstanceOf<ArgumentException>().With.Message.Contains("backend is Ilgpu").And.Message.Contains("LongSeqKernels.Ilgpu has it, IlgpuBackend.Provider"));

    [Test]
    public void AProviderOfABackendThatTheCoreHasIsRefused() =>
        Assert.That(
            () => LongSeqContext.Create(Backend.Auto, Providers(new FakeProvider(findsGpu: true), new FakeProvider(findsGpu: true) { Backend = Backend.Managed })),
            Throws.InstanceOf<ArgumentException>().With.Message.StartsWith("Providers[1] is one of Managed; it must be one of Ilgpu"));

    [Test]
    public void AProviderThatIsNullIsRefused() =>
        Assert.That(() => LongSeqContext.Create(Backend.Managed, Providers([null!])), Throws.InstanceOf<ArgumentException>().With.Message.StartsWith("Providers[0] is null"));

    [Test]
    public void ThreadsAreReported()
    {
        using LongSeqContext context = LongSeqContext.Create(Backend.Managed, new LongSeqContextOptions { Threads = 5 });

        Assert.That(context.Explain(), Does.Contain("5 threads"));
    }

    [Test]
    public void ABackendOfTheCallersIsUsedAndDisposedTwiceWithoutHarm()
    {
        LongSeqContext context = LongSeqContext.Create(new ReferenceKernels(), Backend.Reference);
        Assert.That(context.Explain(), Does.Contain("passed in"));

        context.Dispose();
        context.Dispose();

        Assert.That(
            () => LayerNorm.Forward<float>(context, 0, 1, 1, [], [], [], []),
            Throws.TypeOf<ObjectDisposedException>());
    }

    [Test]
    public void BackendsThatCannotRunHereAreNamed()
    {
        if (BackendRegistry.LeftOut.Count > 0)
        {
            Assert.Ignore("Not tested on this machine: " + string.Join("; ", BackendRegistry.LeftOut.Select(left => $"{left.Name}: {left.Reason}")));
        }
        Assert.That(BackendRegistry.Present, Does.Contain("reference").And.Contains("portable").And.Contains("managed 128"));
    }

    private static LongSeqContextOptions Providers(params IBackendProvider[] providers) => new() { Providers = providers };

    private sealed class FakeProvider(bool findsGpu) : IBackendProvider
    {
        public const string Found = "It finds a GPU.";

        public const string NotFound = "It finds none.";

        public Backend Backend { get; init; } = Backend.Ilgpu;

        public int Starts { get; private set; }

        public bool FindsGpu(out string finding)
        {
            finding = findsGpu ? Found : NotFound;
            return findsGpu;
        }

        public IKernels Start()
        {
            Starts++;
            return new ReferenceKernels();
        }
    }
}
