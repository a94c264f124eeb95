using System.Reflection;
using BenchmarkDotNet.Attributes;
using LongSeqKernels.Cli;

namespace LongSeqKernels.Benchmarks.Tests;

[TestFixture]
public sealed class SuiteTests
{
    private static IEnumerable<Type> Suites => typeof(OperationBenchmarks).Assembly.GetTypes().Where(type => type.IsSubclassOf(typeof(OperationBenchmarks)) && !type.IsAbstract);

    private static IEnumerable<Type> SmallSuites => Suites.Where(type => type != typeof(MillionEventsBenchmarks));

    private static IEnumerable<MethodInfo> Methods(Type suite) => suite.GetMethods().Where(method => method.GetCustomAttribute<BenchmarkAttribute>() is not null);

    /// <summary>Runs each method of each suite once, set up as BenchmarkDotNet does it, at the smallest of its sizes; a million events stay out.</summary>
    [TestCaseSource(nameof(SmallSuites))]
    public void EveryMethodRuns(Type type)
    {
        foreach (MethodInfo method in Methods(type))
        {
            var suite = (OperationBenchmarks)Activator.CreateInstance(type)!;
            foreach (PropertyInfo parameter in type.GetProperties().Where(property => property.GetCustomAttribute<ParamsAttribute>() is not null))
            {
                parameter.SetValue(suite, parameter.GetCustomAttribute<ParamsAttribute>()!.Values[0]);
            }
            MethodInfo setup = type.GetMethods().Single(candidate => candidate.GetCustomAttribute<GlobalSetupAttribute>()?.Targets.Contains(method.Name) == true);
            setup.Invoke(suite, null);
            method.Invoke(suite, null);
            Measurement measured = suite.Of(method.Name);
            Assert.That(measured.Operation.Directions, Has.Member(measured.Direction), method.Name);
            Assert.That(measured.Work.Bytes, Is.Positive);
            suite.Cleanup();
        }
    }

    [Test]
    public void EveryOperationHasASuite()
    {
        IEnumerable<(string, Direction)> measured =
            from type in Suites
            from method in Methods(type)
            let measurement = ((OperationBenchmarks)Activator.CreateInstance(type)!).Of(method.Name)
            select (measurement.Operation.Name, measurement.Direction);
        Assert.That(measured, Is.SupersetOf(from operation in BenchCatalogue.All from direction in operation.Directions select (operation.Name, direction)));
    }

    [Test]
    [NonParallelizable]
    public void AnUnknownBackendIsNamed()
    {
        Environment.SetEnvironmentVariable("LONGSEQ_BENCH_BACKENDS", "managed,abacus");
        try
        {
            Assert.That(() => OperationBenchmarks.Backends.ToList(), Throws.ArgumentException.With.Message.StartsWith("LONGSEQ_BENCH_BACKENDS has \"abacus\"; it must be names of auto, reference, portable, managed, native"));
        }
        finally
        {
            Environment.SetEnvironmentVariable("LONGSEQ_BENCH_BACKENDS", null);
        }
    }

    [TestCase("cross-attention")]
    [TestCase("linear-attention-state")]
    public void ErrorsOfLongSumsAreSmall(string operation) =>
        Assert.That(AccuracyCommand.Error(BenchCatalogue.Find(operation), 1000, ElementType.Float32), Is.GreaterThan(0).And.LessThan(1e-5));

    [Test]
    public void BothFormulationsOfALayerAreTimed()
    {
        using var context = LongSeqContext.Create(Backend.Managed);
        FormulationCase measured = FormulationCommand.Measure(context, new MachineRates(1e11, 1e10), width: 32, heads: 4, events: 500, targets: 1, budget: 0);
        Assert.That(measured.Absorbed, Is.Positive);
        Assert.That(measured.Projected, Is.Positive);
        Assert.That(measured.Choice.Formulation, Is.EqualTo(AttentionFormulation.Absorbed));
        Assert.That(measured.Loss, Is.EqualTo(Math.Max(0, (measured.Absorbed / measured.Projected) - 1)).Within(1e-12));
    }
}
