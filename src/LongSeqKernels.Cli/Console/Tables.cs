using Spectre.Console;

namespace LongSeqKernels.Cli;

/// <summary>The one look of all tables: a rule under the header, no frame, numbers to the right.</summary>
internal static class Tables
{
    /// <summary>A table; a column whose name starts with '>' holds numbers.</summary>
    public static Table Create(params ReadOnlySpan<string> columns)
    {
        var table = new Table { Border = TableBorder.Simple, UseSafeBorder = true };
        foreach (string column in columns)
        {
            bool number = column.StartsWith('>');
            var header = new TableColumn(new Text(number ? column[1..] : column)) { NoWrap = true };
            table.AddColumn(number ? header.RightAligned() : header);
        }
        return table;
    }

    public static void Row(this Table table, params ReadOnlySpan<string> cells)
    {
        var texts = new Text[cells.Length];
        for (int i = 0; i < cells.Length; i++)
        {
            texts[i] = new Text(cells[i]);
        }
        table.AddRow(texts);
    }
}
