namespace LongSeqKernels;

// Linear attention: M += sum_j phi1(k_j) v_j^T; o = phi1(q) phi2(s M) + (phi1(q) . phi1(k)) v for targets with a self term.
internal sealed partial class ReferenceKernels
{
    public void LinearAttentionState<T>(
        LinearAttentionShape shape, LinearAttentionOptions options, JaggedLayout history, ReadOnlySpan<T> keys, ReadOnlySpan<T> values, Span<float> state)
        where T : unmanaged
    {
        for (int segment = 0; segment < history.Count; segment++)
        {
            for (int head = 0; head < shape.Heads; head++)
            {
                var sum = new double[shape.KeyWidth * shape.ValueWidth];
                for (long row = history.Start(segment); row < history.Start(segment + 1); row++)
                {
                    double[] key = Activate(options.RowActivation, Row(keys, (row * shape.Heads) + head, shape.KeyWidth));
                    ReadOnlySpan<T> value = Row(values, (row * shape.Heads) + head, shape.ValueWidth);
                    for (int i = 0; i < shape.KeyWidth; i++)
                    {
                        AddScaled(Row(sum, i, shape.ValueWidth), key[i], value);
                    }
                }
                Store(sum, Row(state, (segment * shape.Heads) + head, sum.Length), OutputMode.Add);
            }
        }
    }

    public void LinearAttentionStateBackward<T>(
        LinearAttentionShape shape,
        LinearAttentionOptions options,
        JaggedLayout history,
        ReadOnlySpan<T> keys,
        ReadOnlySpan<T> values,
        ReadOnlySpan<float> stateGradient,
        Span<T> keyGradient,
        Span<T> valueGradient)
        where T : unmanaged
    {
        for (int segment = 0; segment < history.Count; segment++)
        {
            for (int head = 0; head < shape.Heads; head++)
            {
                ReadOnlySpan<float> gradient = Row(stateGradient, (segment * shape.Heads) + head, shape.KeyWidth * shape.ValueWidth);
                for (long row = history.Start(segment); row < history.Start(segment + 1); row++)
                {
                    ReadOnlySpan<T> key = Row(keys, (row * shape.Heads) + head, shape.KeyWidth);
                    ReadOnlySpan<T> value = Row(values, (row * shape.Heads) + head, shape.ValueWidth);
                    double[] activated = Activate(options.RowActivation, key);
                    var keySum = new double[shape.KeyWidth];
                    var valueSum = new double[shape.ValueWidth];
                    for (int i = 0; i < shape.KeyWidth; i++)
                    {
                        ReadOnlySpan<float> stateRow = Row(gradient, i, shape.ValueWidth);
                        AddScaled(valueSum, activated[i], stateRow);
                        keySum[i] = Derivative(options.RowActivation, Load(key[i])) * Dot(stateRow, value);
                    }
                    Store(keySum, Row(keyGradient, (row * shape.Heads) + head, shape.KeyWidth));
                    Store(valueSum, Row(valueGradient, (row * shape.Heads) + head, shape.ValueWidth));
                }
            }
        }
    }

    public void LinearAttentionApply<T>(
        LinearAttentionShape shape,
        LinearAttentionOptions options,
        JaggedLayout rows,
        ReadOnlySpan<T> queries,
        ReadOnlySpan<float> state,
        ReadOnlySpan<T> selfKeys,
        ReadOnlySpan<T> selfValues,
        Span<T> output)
        where T : unmanaged
    {
        for (int segment = 0; segment < rows.Count; segment++)
        {
            for (int head = 0; head < shape.Heads; head++)
            {
                double[] read = ReadState(shape, options, segment, head, state);
                for (long row = rows.Start(segment); row < rows.Start(segment + 1); row++)
                {
                    long index = (row * shape.Heads) + head;
                    double[] query = Activate(options.RowActivation, Row(queries, index, shape.KeyWidth));
                    var sum = new double[shape.ValueWidth];
                    for (int i = 0; i < shape.KeyWidth; i++)
                    {
                        AddScaled(sum, query[i], Row(read, i, shape.ValueWidth));
                    }
                    if (!selfKeys.IsEmpty)
                    {
                        double[] selfKey = Activate(options.RowActivation, Row(selfKeys, index, shape.KeyWidth));
                        AddScaled(sum, Dot<double, double>(query, selfKey), Row(selfValues, index, shape.ValueWidth));
                    }
                    Store(sum, Row(output, index, shape.ValueWidth));
                }
            }
        }
    }

    public void LinearAttentionApplyBackward<T>(
        LinearAttentionShape shape,
        LinearAttentionOptions options,
        JaggedLayout rows,
        ReadOnlySpan<T> queries,
        ReadOnlySpan<float> state,
        ReadOnlySpan<T> selfKeys,
        ReadOnlySpan<T> selfValues,
        ReadOnlySpan<T> outputGradient,
        Span<T> queryGradient,
        Span<float> stateGradient,
        Span<T> selfKeyGradient,
        Span<T> selfValueGradient)
        where T : unmanaged
    {
        for (int segment = 0; segment < rows.Count; segment++)
        {
            for (int head = 0; head < shape.Heads; head++)
            {
                double[] read = ReadState(shape, options, segment, head, state);
                var readGradient = new double[read.Length];
                for (long row = rows.Start(segment); row < rows.Start(segment + 1); row++)
                {
                    long index = (row * shape.Heads) + head;
                    ReadOnlySpan<T> query = Row(queries, index, shape.KeyWidth);
                    ReadOnlySpan<T> gradient = Row(outputGradient, index, shape.ValueWidth);
                    double[] activated = Activate(options.RowActivation, query);
                    var activatedGradient = new double[shape.KeyWidth];
                    for (int i = 0; i < shape.KeyWidth; i++)
                    {
                        activatedGradient[i] = Dot<double, T>(Row(read, i, shape.ValueWidth), gradient);
                        AddScaled(Row(readGradient, i, shape.ValueWidth), activated[i], gradient);
                    }
                    if (!selfKeys.IsEmpty)
                    {
                        SelfTermGradient(
                            options.RowActivation,
                            activated,
                            Row(selfKeys, index, shape.KeyWidth),
                            Row(selfValues, index, shape.ValueWidth),
                            gradient,
                            activatedGradient,
                            Row(selfKeyGradient, index, shape.KeyWidth),
                            Row(selfValueGradient, index, shape.ValueWidth));
                    }
                    StoreBeforeActivation(options.RowActivation, query, activatedGradient, Row(queryGradient, index, shape.KeyWidth));
                }
                AddStateGradient(shape, options, segment, head, state, readGradient, stateGradient);
            }
        }
    }

    /// <summary>Of <c>(a . b) v</c>, a and b the activated query and self key: <c>da += (dO . v) b</c>, <c>db = (dO . v) a</c>, <c>dv = (a . b) dO</c>.</summary>
    private static void SelfTermGradient<T>(
        LinearActivation activation,
        ReadOnlySpan<double> query,
        ReadOnlySpan<T> selfKey,
        ReadOnlySpan<T> selfValue,
        ReadOnlySpan<T> outputGradient,
        Span<double> queryGradient,
        Span<T> selfKeyGradient,
        Span<T> selfValueGradient)
        where T : unmanaged
    {
        double[] key = Activate(activation, selfKey);
        double weightGradient = Dot(outputGradient, selfValue);
        AddScaled<double>(queryGradient, weightGradient, key);

        var keyGradient = new double[key.Length];
        AddScaled(keyGradient, weightGradient, query);
        StoreBeforeActivation(activation, selfKey, keyGradient, selfKeyGradient);

        var valueGradient = new double[selfValue.Length];
        AddScaled(valueGradient, Dot<double, double>(query, key), outputGradient);
        Store(valueGradient, selfValueGradient);
    }

    /// <summary>phi2(s M) of one segment and head.</summary>
    private static double[] ReadState(LinearAttentionShape shape, LinearAttentionOptions options, int segment, int head, ReadOnlySpan<float> state)
    {
        double[] read = LoadRow(Row(state, (segment * shape.Heads) + head, shape.KeyWidth * shape.ValueWidth));
        for (int i = 0; i < read.Length; i++)
        {
            read[i] = Activate(options.StateActivation, options.StateScale * read[i]);
        }
        return read;
    }

    /// <summary><c>dM += dP * s * phi2'(s M)</c>.</summary>
    private static void AddStateGradient(
        LinearAttentionShape shape,
        LinearAttentionOptions options,
        int segment,
        int head,
        ReadOnlySpan<float> state,
        ReadOnlySpan<double> readGradient,
        Span<float> stateGradient)
    {
        double scale = options.StateScale;
        double[] raw = LoadRow(Row(state, (segment * shape.Heads) + head, readGradient.Length));
        var gradient = new double[raw.Length];
        for (int i = 0; i < raw.Length; i++)
        {
            gradient[i] = readGradient[i] * scale * Derivative(options.StateActivation, scale * raw[i]);
        }
        Store(gradient, Row(stateGradient, (segment * shape.Heads) + head, gradient.Length), OutputMode.Add);
    }

    private static void StoreBeforeActivation<T>(LinearActivation activation, ReadOnlySpan<T> input, ReadOnlySpan<double> activatedGradient, Span<T> gradient)
        where T : unmanaged
    {
        for (int i = 0; i < gradient.Length; i++)
        {
            gradient[i] = Store<T>(Derivative(activation, Load(input[i])) * activatedGradient[i]);
        }
    }

    private static double[] Activate<T>(LinearActivation activation, ReadOnlySpan<T> row)
        where T : unmanaged
    {
        double[] activated = LoadRow(row);
        for (int i = 0; i < activated.Length; i++)
        {
            activated[i] = Activate(activation, activated[i]);
        }
        return activated;
    }

    private static double Activate(LinearActivation activation, double x) => activation switch
    {
        LinearActivation.Silu => Silu(x),
        LinearActivation.ShiftedElu => x >= 1 ? x : Math.Exp(x - 1),
        _ => x,
    };

    private static double Derivative(LinearActivation activation, double x) => activation switch
    {
        LinearActivation.Silu => SiluDerivative(x),
        LinearActivation.ShiftedElu => x >= 1 ? 1 : Math.Exp(x - 1),
        _ => 1,
    };
}
