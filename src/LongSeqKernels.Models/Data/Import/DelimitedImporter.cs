namespace LongSeqKernels.Models;

/// <summary>Imports logs from delimited files: TSV, CSV, MovieLens, KuaiRand (<see cref="DelimitedFormat"/>).</summary>
public static class DelimitedImporter
{
    private const int MaxActions = 1024;

    /// <summary>Imports one log from one or several files of events and, optionally, tables of items.</summary>
    /// <param name="events">Files of events: together one log.</param>
    /// <param name="format">Which column is what.</param>
    /// <param name="itemTables">Files with a row per item: item, category, pool.</param>
    /// <param name="options">Strictness, filters, limits.</param>
    /// <param name="cancellation">Stops the import.</param>
    /// <exception cref="InvalidDataException">A column is missing, nothing usable is left, a limit is exceeded, or a row is bad and the import strict.</exception>
    /// <exception cref="IOException">A file cannot be read.</exception>
    /// <exception cref="OperationCanceledException">The import was cancelled.</exception>
    public static ImportResult Import(
        IReadOnlyList<LogSource> events,
        DelimitedFormat format,
        IReadOnlyList<LogSource>? itemTables = null,
        ImportOptions? options = null,
        CancellationToken cancellation = default)
    {
        options ??= new ImportOptions();
        options.Validate();
        if (events.Count == 0)
        {
            throw new ArgumentException("events is empty; it must name one file or more.", nameof(events));
        }
        var ledger = new ImportLedger(options);
        var builder = new InteractionLogBuilder { Baskets = format.Baskets };
        foreach (var table in itemTables ?? [])
        {
            ReadItems(table, format, builder, ledger, cancellation);
        }
        foreach (var file in events)
        {
            ReadEvents(file, format, builder, ledger, options, cancellation);
        }
        var remarks = new List<string>();
        AddRemark(remarks, format.CategoryColumn, "category", builder.HasCategories);
        AddRemark(remarks, format.PoolColumn, "pool", builder.HasPools);
        return ledger.Finish(builder, options.Source ?? $"{format.Name}: {string.Join(", ", events.Select(file => Path.GetFileName(file.Name)))}", remarks);
    }

    private static void AddRemark(List<string> remarks, string? column, string what, bool found)
    {
        if (column is not null && !found)
        {
            remarks.Add($"No file has a column '{column}' that says something: items have no {what}.");
        }
    }

    private static void ReadItems(LogSource table, DelimitedFormat format, InteractionLogBuilder builder, ImportLedger ledger, CancellationToken cancellation)
    {
        using var rows = new DelimitedRows(table, format.Delimiter, format.Quotes, format.ItemTableColumnNames);
        int item = rows.Column(format.ItemColumn);
        int category = rows.OptionalColumn(format.CategoryColumn, "category");
        int pool = rows.OptionalColumn(format.PoolColumn, "pool");
        if (category < 0 && pool < 0)
        {
            throw new InvalidDataException($"{rows.File} says nothing of its items: it must have a column 'category' or 'pool', or the name of one must be given.");
        }
        while (rows.Read())
        {
            cancellation.ThrowIfCancellationRequested();
            string? fault = rows.Fault ?? ImportText.NameFault(rows[item], format.ItemColumn) ?? DescriptionFault(rows, category, pool);
            if (fault is not null)
            {
                ledger.AddBadItem(rows.File, rows.Line, fault);
                continue;
            }
            Describe(builder, rows, item, category, pool);
        }
    }

    private static void ReadEvents(
        LogSource file, DelimitedFormat format, InteractionLogBuilder builder, ImportLedger ledger, ImportOptions options, CancellationToken cancellation)
    {
        using var rows = new DelimitedRows(file, format.Delimiter, format.Quotes, format.ColumnNames);
        int user = rows.Column(format.UserColumn);
        int item = rows.Column(format.ItemColumn);
        int time = rows.Column(format.TimeColumn);
        int label = rows.OptionalColumn(format.LabelColumn, "label");
        int action = format.ActionFlags.Count > 0 ? -1 : rows.OptionalColumn(format.ActionColumn, "action");
        int[] flags = [.. format.ActionFlags.Select(rows.Column)];
        int basket = format.Baskets == BasketRule.EqualTimes ? -1 : rows.OptionalColumn(format.BasketColumn, "basket");
        int category = rows.OptionalColumn(HasTableColumn(rows, format.CategoryColumn), "category");
        int pool = rows.OptionalColumn(HasTableColumn(rows, format.PoolColumn), "pool");
        while (rows.Read())
        {
            cancellation.ThrowIfCancellationRequested();
            ledger.CountRow();
            long seconds = 0;
            float labelValue = 1;
            string? fault = rows.Fault
                ?? ImportText.NameFault(rows[user], format.UserColumn)
                ?? ImportText.NameFault(rows[item], format.ItemColumn)
                ?? ImportText.ParseTime(rows[time], format.TimeColumn, format.TimeUnit, out seconds)
                ?? (label < 0 ? null : ImportText.ParseLabel(rows[label], format.LabelColumn ?? "label", format.LabelThreshold, out labelValue))
                ?? (action < 0 ? null : ImportText.NameFault(rows[action], format.ActionColumn ?? "action"))
                ?? (basket < 0 || rows[basket].IsEmpty ? null : ImportText.NameFault(rows[basket], format.BasketColumn ?? "basket"))
                ?? DescriptionFault(rows, category, pool);
            if (fault is not null)
            {
                ledger.AddBad(rows.File, rows.Line, fault);
                continue;
            }
            if (builder.EventCount == options.MaxEvents)
            {
                throw new InvalidDataException($"{rows.File}:{rows.Line}: more than {options.MaxEvents} events.");
            }
            var actionName = flags.Length > 0 ? StrongestFlag(rows, flags, format.ActionFlags) : action < 0 ? default : rows[action];
            builder.Add(rows[user], rows[item], seconds, labelValue, actionName, basket < 0 ? default : rows[basket]);
            if (builder.ActionCount > MaxActions)
            {
                throw new InvalidDataException($"{rows.File}:{rows.Line}: more than {MaxActions} kinds of action; is '{format.ActionColumn ?? "action"}' the right column?");
            }
            if (category >= 0 || pool >= 0)
            {
                Describe(builder, rows, item, category, pool);
            }
        }
    }

    /// <summary>A category or pool column that is named may be in the item table alone.</summary>
    private static string? HasTableColumn(DelimitedRows rows, string? name) => name is not null && rows.HasColumn(name) ? name : null;

    private static string? DescriptionFault(DelimitedRows rows, int category, int pool) =>
        (category < 0 || rows[category].IsEmpty ? null : ImportText.NameFault(rows[category], "the category"))
        ?? (pool < 0 || rows[pool].IsEmpty ? null : ImportText.NameFault(rows[pool], "the pool"));

    private static void Describe(InteractionLogBuilder builder, DelimitedRows rows, int item, int category, int pool) =>
        builder.DescribeItem(rows[item], category < 0 ? default : rows[category], pool < 0 ? default : rows[pool]);

    private static ReadOnlySpan<char> StrongestFlag(DelimitedRows rows, int[] flags, IReadOnlyList<string> names)
    {
        for (int i = flags.Length - 1; i >= 0; i--)
        {
            var value = rows[flags[i]].Trim();
            if (!value.IsEmpty && !value.SequenceEqual("0"))
            {
                return names[i];
            }
        }
        return "none";
    }
}
