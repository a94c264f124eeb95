using NUnit.Framework;

namespace LongSeqKernels.Tests.Planning;

public class FormulationChooserTests
{
    /// <summary>So much bandwidth that arithmetic alone decides.</summary>
    private static readonly MachineRates ArithmeticBinds = new(100e9, 1e15);

    /// <summary>So much arithmetic that bandwidth alone decides.</summary>
    private static readonly MachineRates MemoryBinds = new(1e18, 40e9);

    private static FormulationProblem Problem(long targets, long events, int width = 1024, int heads = 16) => new()
    {
        Targets = JaggedLayout.FromLengths(targets),
        History = JaggedLayout.FromLengths(events),
        ModelWidth = width,
        Heads = heads,
    };

    // D / (H - 1), for histories long enough that the per-target projections do not count.
    [TestCase(1024, 16, 68)]
    [TestCase(512, 8, 73)]
    [TestCase(128, 8, 18)]
    [TestCase(256, 4, 85)]
    public void BreakEvenOfLongHistoriesIsNearWidthOverHeadsLessOne(int width, int heads, int expected)
    {
        FormulationChoice choice = FormulationChooser.Choose(Problem(1, 1_000_000, width, heads), ArithmeticBinds);
        Assert.That(choice.BreakEvenTargets, Is.EqualTo(expected).Within(1 + (expected / 50)));
    }

    [TestCase(AttentionFormulation.Absorbed, -1)]
    [TestCase(AttentionFormulation.Projected, 0)]
    [TestCase(AttentionFormulation.Projected, 100)]
    public void TheChoiceChangesAtTheBreakEven(AttentionFormulation expected, long distance)
    {
        long breakEven = FormulationChooser.Choose(Problem(1, 10_000), ArithmeticBinds).BreakEvenTargets!.Value;
        FormulationChoice choice = FormulationChooser.Choose(Problem(breakEven + distance, 10_000), ArithmeticBinds);
        Assert.That(choice.Formulation, Is.EqualTo(expected));
    }

    [Test]
    public void CostsAreThePapersOperationCounts()
    {
        const double Length = 10_000, Width = 1024, Heads = 16, Targets = 3, ExponentialFlops = 16;
        FormulationChoice choice = FormulationChooser.Choose(Problem((long)Targets, (long)Length, (int)Width, (int)Heads), ArithmeticBinds);
        double exponentials = Targets * Length * Heads * ExponentialFlops;
        using (Assert.EnterMultipleScope())
        {
            Assert.That(choice.Absorbed.Flops, Is.EqualTo((Targets * ((4 * Length * Width * Heads) + (6 * Width * Width))) + exponentials).Within(1e-12).Percent);
            Assert.That(
                choice.Projected.Flops,
                Is.EqualTo((4 * Length * Width * Width) + (Targets * ((4 * Length * Width) + (2 * Width * Width))) + exponentials).Within(1e-12).Percent);
        }
    }

    [Test]
    public void OneTargetIsBoundByOneReadOfTheHistoryWhereMemoryBinds()
    {
        FormulationChoice choice = FormulationChooser.Choose(Problem(1, 100_000), MemoryBinds);
        double oneRead = 100_000.0 * 1024 * sizeof(float) / MemoryBinds.ReadBytesPerSecond;
        using (Assert.EnterMultipleScope())
        {
            Assert.That(choice.Formulation, Is.EqualTo(AttentionFormulation.Absorbed));
            Assert.That(choice.Absorbed.Seconds, Is.EqualTo(oneRead).Within(10).Percent);
            Assert.That(choice.Projected.Seconds, Is.GreaterThan(5 * oneRead), "reads X, writes and reads K and V");
        }
    }

    [Test]
    public void HalfTheBytesCostHalfTheTimeWhereMemoryBinds()
    {
        FormulationProblem single = Problem(1, 100_000);
        FormulationChoice wide = FormulationChooser.Choose(single, MemoryBinds);
        FormulationChoice narrow = FormulationChooser.Choose(single with { Element = ElementType.BFloat16 }, MemoryBinds);
        Assert.That(narrow.Absorbed.Seconds, Is.EqualTo(wide.Absorbed.Seconds / 2).Within(1).Percent);
    }

    [Test]
    public void OneHeadProjectsOnlyWhenTargetsOutnumberEvents()
    {
        FormulationChoice choice = FormulationChooser.Choose(Problem(5000, 10_000, 64, 1), ArithmeticBinds);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(choice.Formulation, Is.EqualTo(AttentionFormulation.Absorbed));
            Assert.That(choice.BreakEvenTargets, Is.EqualTo(10_000).Within(1).Percent);
        }
    }

    [Test]
    public void OneHeadOfAHundredMillionEventsNeverProjects()
    {
        FormulationChoice choice = FormulationChooser.Choose(Problem(5, 100_000_000, 64, 1), ArithmeticBinds);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(choice.BreakEvenTargets, Is.Null);
            Assert.That(choice.Explain(), Does.EndWith("projecting never pays"));
        }
    }

    [Test]
    public void ARaggedBatchCostsTheSumOfItsSegments()
    {
        FormulationProblem ragged = Problem(1, 1) with { Targets = JaggedLayout.FromLengths(3, 0, 200), History = JaggedLayout.FromLengths(5000, 70, 0) };
        FormulationChoice choice = FormulationChooser.Choose(ragged, ArithmeticBinds);
        double sum = new[] { (3L, 5000L), (0, 70), (200, 0) }
            .Sum(segment => FormulationChooser.Choose(Problem(segment.Item1, segment.Item2), ArithmeticBinds).Absorbed.Seconds);
        Assert.That(choice.Absorbed.Seconds, Is.EqualTo(sum).Within(1e-9).Percent);
    }

    [Test]
    public void ManySmallSegmentsAreChosenByTheirOwnTargetsNotByTheirTotal()
    {
        FormulationProblem batch = Problem(1, 1) with { Targets = JaggedLayout.Uniform(100, 4), History = JaggedLayout.Uniform(100, 1000) };
        Assert.That(FormulationChooser.Choose(batch, ArithmeticBinds).Formulation, Is.EqualTo(AttentionFormulation.Absorbed));
    }

    [Test]
    public void AHistoryWithoutTargetsIsFree()
    {
        FormulationChoice choice = FormulationChooser.Choose(Problem(0, 10_000), ArithmeticBinds);
        Assert.That((choice.Absorbed.Seconds, choice.Projected.Seconds), Is.EqualTo((0.0, 0.0)));
    }

    [TestCase(AttentionFormulation.Absorbed)]
    [TestCase(AttentionFormulation.Projected)]
    public void APinnedFormulationIsKeptAndSaid(AttentionFormulation pinned)
    {
        FormulationChoice choice = FormulationChooser.Choose(Problem(50, 10_000) with { Pinned = pinned }, ArithmeticBinds);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(choice.Formulation, Is.EqualTo(pinned));
            Assert.That(choice.Explain(), Does.Contain("(pinned)"));
        }
    }

    [Test]
    public void ExplainNamesBothCostsAndTheBreakEven()
    {
        FormulationChoice choice = FormulationChooser.Choose(Problem(12, 10_000), ArithmeticBinds);
        Assert.That(choice.Explain(), Does.Match(@"^absorbed: 12 targets of 10,000 events, predicted [\d.]+ ms against [\d.E+]+ ms; break-even near 68 targets$"));
    }

    [Test]
    public void TheSameProblemAndRatesGiveTheSameChoice()
    {
        FormulationProblem problem = Problem(70, 12_345);
        FormulationChoice first = FormulationChooser.Choose(problem, ArithmeticBinds);
        FormulationChoice second = FormulationChooser.Choose(problem, ArithmeticBinds);
        Assert.That(second, Is.EqualTo(first));
    }

    [Test]
    public void AContextUsesTheRatesItWasGiven()
    {
        using var context = LongSeqContext.Create(Backend.Reference, new LongSeqContextOptions { Rates = MemoryBinds });
        Assert.That(FormulationChooser.Choose(context, Problem(5, 5000)), Is.EqualTo(FormulationChooser.Choose(Problem(5, 5000), MemoryBinds)));
    }

    [Test]
    public void MeasuredRatesAreThoseOfAMachine()
    {
        MachineRates rates = MachineRates.Measure(1);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(rates.FlopsPerSecond, Is.InRange(1e8, 1e13));
            Assert.That(rates.ReadBytesPerSecond, Is.InRange(1e8, 1e13));
        }
    }

    [TestCase(double.NaN, 1e9)]
    [TestCase(1e9, 0)]
    [TestCase(double.PositiveInfinity, 1e9)]
    public void RatesThatAreNotPositiveAreRefused(double flops, double bytes) =>
        Assert.That(() => FormulationChooser.Choose(Problem(1, 1), new MachineRates(flops, bytes)), Throws.InstanceOf<ArgumentException>());

    [Test]
    public void HeadsThatDoNotDivideTheWidthAreRefused() =>
        Assert.That(
            () => FormulationChooser.Choose(Problem(1, 1, 100, 3), ArithmeticBinds),
            Throws.InstanceOf<ArgumentOutOfRangeException>().With.Message.Contains("Heads is 3; it must be a divisor of ModelWidth (100)"));

    [Test]
    public void LayoutsOfDifferentBatchesAreRefused() =>
        Assert.That(
            () => FormulationChooser.Choose(Problem(1, 1) with { Targets = JaggedLayout.Uniform(2, 3) }, ArithmeticBinds),
            Throws.ArgumentException.With.Message.Contains("Targets is a layout of 2 segments"));
}
