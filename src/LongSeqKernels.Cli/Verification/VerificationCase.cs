namespace LongSeqKernels.Cli;

/// <summary>One shape of one operation, runnable on every backend in every storage type.</summary>
/// <param name="operation">The operation's name as users know it.</param>
/// <param name="shape">The shape in words.</param>
internal abstract class VerificationCase(string operation, string shape)
{
    public string Operation => operation;

    public string Shape => shape;

    /// <summary>Whether the operation exists in fp32 only (states and codes).</summary>
    public virtual bool IsFloat32Only => false;

    /// <summary>Runs forward and backward on inputs that depend on nothing but <paramref name="inputs"/>.</summary>
    public abstract void Run<T>(LongSeqContext context, InputSource inputs, ResultList results)
        where T : unmanaged;
}

/// <summary>Forward or backward.</summary>
internal enum Direction
{
    /// <summary>Outputs.</summary>
    Forward,

    /// <summary>Gradients.</summary>
    Backward,
}

/// <summary>One output tensor of a case, widened to fp32.</summary>
internal sealed record Result(string Name, Direction Direction, float[] Values);

/// <summary>The outputs of a case in the order in which it adds them.</summary>
internal sealed class ResultList
{
    private readonly List<Result> _results = [];

    public IReadOnlyList<Result> Items => _results;

    public void Add<T>(string name, Direction direction, T[] values)
        where T : unmanaged =>
        _results.Add(new Result(name, direction, Array.ConvertAll(values, Element<T>.ToSingle)));
}

/// <summary>
/// The inputs of a case: reproducible random tensors, rounded to a storage type. With a perturbation every value is moved by up to one more
/// rounding of that type: what that changes in the result is the error that no computation in the type can avoid.
/// </summary>
/// <param name="seed">Same seed, same tensors.</param>
/// <param name="storage">The type that tensors are rounded to, whatever type they are handed out in.</param>
/// <param name="perturbationSeed">Null for the tensors themselves.</param>
internal sealed class InputSource(int seed, ElementType storage, int? perturbationSeed = null)
{
    private readonly Random _values = new(seed);
    private readonly Random? _perturbation = perturbationSeed is { } other ? new Random(other) : null;

    /// <summary>Largest relative error of one rounding to a storage type.</summary>
    public static double UnitRoundoff(ElementType storage) => storage switch
    {
        ElementType.Float32 => Math.ScaleB(1, -24),
        ElementType.BFloat16 => Math.ScaleB(1, -8),
        ElementType.Float16 => Math.ScaleB(1, -11),
        _ => throw new ArgumentOutOfRangeException(nameof(storage)),
    };

    /// <summary>Normally distributed values.</summary>
    public T[] Normal<T>(long count, double scale = 1, double mean = 0)
        where T : unmanaged
    {
        var values = new T[count];
        for (int i = 0; i < values.Length; i++)
        {
            double draw = Math.Sqrt(-2 * Math.Log(1 - _values.NextDouble())) * Math.Cos(2 * Math.PI * _values.NextDouble());
            values[i] = Element<T>.FromSingle(Perturb(Round((float)(mean + (scale * draw)), storage), storage));
        }
        return values;
    }

    /// <summary>Normally distributed fp32 values (biases of logits, states), whatever the storage type.</summary>
    public float[] Single(long count, double scale = 1)
    {
        var values = new float[count];
        for (int i = 0; i < values.Length; i++)
        {
            double draw = Math.Sqrt(-2 * Math.Log(1 - _values.NextDouble())) * Math.Cos(2 * Math.PI * _values.NextDouble());
            values[i] = Perturb((float)(scale * draw), ElementType.Float32);
        }
        return values;
    }

    /// <summary>Whole numbers from 0 to <paramref name="limit"/> - 1; never perturbed.</summary>
    public long[] Whole(long count, long limit)
    {
        var values = new long[count];
        for (int i = 0; i < values.Length; i++)
        {
            values[i] = _values.NextInt64(limit);
        }
        return values;
    }

    /// <summary>An output that shows what was not written: full of NaN.</summary>
    public static T[] Output<T>(long count)
        where T : unmanaged
    {
        var values = new T[count];
        Array.Fill(values, Element<T>.FromSingle(float.NaN));
        return values;
    }

    private static float Round(float value, ElementType storage) => storage switch
    {
        ElementType.BFloat16 => BFloat16.FromSingle(value),
        ElementType.Float16 => (float)(Half)value,
        _ => value,
    };

    private float Perturb(float value, ElementType type) => _perturbation is null
        ? value
        : (float)(value * (1 + (UnitRoundoff(type) * ((2 * _perturbation.NextDouble()) - 1))));
}
