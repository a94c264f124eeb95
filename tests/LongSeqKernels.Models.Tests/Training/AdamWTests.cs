using NUnit.Framework;

namespace LongSeqKernels.Models.Tests;

public sealed class AdamWTests
{
    private static readonly AdamWOptions Options = new() { Beta1 = 0.9f, Beta2 = 0.99f, WeightDecay = 0.1f };

    [TestCase(ParameterKind.Matrix, 0.1)]
    [TestCase(ParameterKind.Vector, 0.0)]
    [TestCase(ParameterKind.Table, 0.0)]
    public void DenseParametersFollowThePaper(ParameterKind kind, double decay)
    {
        var set = new ParameterSet();
        Parameter parameter = set.Add("p", kind, 37);
        var random = new RandomStream(1);
        double[] expected = [.. StcaCases.Normals(random, 37).Select(x => (double)x)];
        for (int i = 0; i < 37; i++)
        {
            parameter.Values[i] = (float)expected[i];
        }
        var mean = new double[37];
        var square = new double[37];
        var optimiser = new AdamW(set, Options);
        for (int step = 1; step <= 20; step++)
        {
            float[] gradient = StcaCases.Normals(random, 37);
            gradient.CopyTo(parameter.Gradient);
            optimiser.Update(0.01, 0.5);
            for (int i = 0; i < 37; i++)
            {
                double g = 0.5 * gradient[i];
                mean[i] = (0.9 * mean[i]) + (0.1 * g);
                square[i] = (0.99 * square[i]) + (0.01 * g * g);
                double update = mean[i] / (1 - Math.Pow(0.9, step)) / (Math.Sqrt(square[i] / (1 - Math.Pow(0.99, step))) + 1e-8);
                expected[i] -= 0.01 * (update + (decay * expected[i]));
            }
        }
        Assert.That(parameter.Values.ToArray(), Is.EqualTo(expected).Within(1e-5));
    }

    [Test]
    public void RowsOfATableMoveWhenTouchedWithTheMomentsOfDenseAdam()
    {
        var set = new ParameterSet();
        EmbeddingTable table = set.AddTable("t", 5, 3);
        var optimiser = new AdamW(set, Options);
        double mean = 0;
        double square = 0;
        for (int step = 1; step <= 9; step++)
        {
            set.ClearGradients();
            float[] before = table.Values.ToArray();
            double gradient = step is 2 or 7 ? step : 0;
            mean = (0.9 * mean) + (0.1 * gradient);
            square = (0.99 * square) + (0.01 * gradient * gradient);
            if (gradient != 0)
            {
                table.AddGradient([3], default, [step, step, step]);
            }
            optimiser.Update(0.01, 1);
            for (int row = 0; row < 5; row++)
            {
                bool moved = !table.Row(row).SequenceEqual(before.AsSpan(row * 3, 3));
                Assert.That(moved, Is.EqualTo(row == 3 && gradient != 0), $"row {row} in step {step}");
            }
            if (gradient != 0)
            {
                Assert.That(optimiser.Tables[0].Mean[9], Is.EqualTo(mean).Within(1e-6));
                Assert.That(optimiser.Tables[0].Square[9], Is.EqualTo(square).Within(1e-6));
            }
        }
    }

    [Test]
    public void EveryTouchedRowHasTheSumOfItsGradientsOnce()
    {
        EmbeddingTable table = new ParameterSet().AddTable("t", 300, 2);
        for (int pass = 0; pass < 2; pass++)
        {
            for (int i = 0; i < 200; i++)
            {
                table.AddGradient([i, 7], default, [1, 2, 10, 20]);
            }
            Assert.That(table.TouchedRows.ToArray(), Is.Unique.And.Length.EqualTo(200));
            Assert.That(table.Gradient[..2].ToArray(), Is.EqualTo(new[] { 1f, 2f }));
            int slot = table.TouchedRows.IndexOf(7);
            Assert.That(table.Gradient.Slice(slot * 2, 2).ToArray(), Is.EqualTo(new[] { 2001f, 4002f }));
            table.ClearGradient();
            Assert.That(table.Gradient.Length, Is.Zero);
        }
    }

    [Test]
    public void TheLearningRateRisesLinearlyAndFallsAlongACosine()
    {
        var rate = new LearningRate(0.2, 10, 110, 0.1);
        Assert.That(rate.At(0), Is.EqualTo(0.02).Within(1e-12));
        Assert.That(rate.At(9), Is.EqualTo(0.2).Within(1e-12));
        Assert.That(rate.At(10), Is.EqualTo(0.2).Within(1e-12));
        Assert.That(rate.At(60), Is.EqualTo(0.11).Within(1e-12));
        Assert.That(rate.At(110), Is.EqualTo(0.02).Within(1e-12));
        Assert.That(rate.At(10_000), Is.EqualTo(0.02).Within(1e-12));
    }

    [Test]
    public void OptionsOutOfRangeAreRefused()
    {
        Assert.That(() => new AdamW(new ParameterSet(), new AdamWOptions { Beta1 = 1 }), Throws.InstanceOf<ArgumentException>().With.Message.Contains("Beta1 is 1"));
        Assert.That(() => new AdamW(new ParameterSet(), new AdamWOptions { Epsilon = 0 }), Throws.InstanceOf<ArgumentException>().With.Message.Contains("Epsilon"));
        Assert.That(() => new AdamW(new ParameterSet(), new AdamWOptions { WeightDecay = float.NaN }), Throws.InstanceOf<ArgumentException>().With.Message.Contains("WeightDecay"));
        Assert.That(() => new LearningRate(0, 0, 10).Validate(), Throws.InstanceOf<ArgumentException>().With.Message.Contains("Peak"));
        Assert.That(() => new LearningRate(1, 11, 10).Validate(), Throws.InstanceOf<ArgumentException>().With.Message.Contains("WarmupSteps is 11; it must be from 0 to TotalSteps (10)"));
    }
}
