namespace LongSeqKernels.Models;

/// <summary>How quotes are read.</summary>
public enum QuoteRule
{
    /// <summary>A quote is a character like any other.</summary>
    None,

    /// <summary>A field may stand in double quotes, where a doubled quote means one; a quoted field ends on its line.</summary>
    Double,
}

/// <summary>
/// Which column of a delimited file is what. Events need a user, an item and a time; the other columns are optional: a name that is given must be there,
/// where none is given (null) a column of the default name is used if there is one.
/// </summary>
public sealed record DelimitedFormat
{
    /// <summary>Name of the format, for messages and reports.</summary>
    public required string Name { get; init; }

    /// <summary>What stands between two fields: one character or several.</summary>
    public required string Delimiter { get; init; }

    /// <summary>How quotes are read.</summary>
    public QuoteRule Quotes { get; init; }

    /// <summary>Names of the columns of event files without a header line; empty when the first line of each file is a header.</summary>
    public IReadOnlyList<string> ColumnNames { get; init; } = [];

    /// <summary>Column of the user.</summary>
    public string UserColumn { get; init; } = "user";

    /// <summary>Column of the item.</summary>
    public string ItemColumn { get; init; } = "item";

    /// <summary>Column of the time.</summary>
    public string TimeColumn { get; init; } = "time";

    /// <summary>Unit of the time.</summary>
    public TimeUnit TimeUnit { get; init; }

    /// <summary>Column of the label; by default <c>label</c>, if there is one.</summary>
    public string? LabelColumn { get; init; }

    /// <summary>When set, an event is positive (label 1) if its label column is at least this; otherwise its label is 0.</summary>
    public float? LabelThreshold { get; init; }

    /// <summary>Column of the action; by default <c>action</c>, if there is one.</summary>
    public string? ActionColumn { get; init; }

    /// <summary>
    /// Columns of flags, weakest first, in place of <see cref="ActionColumn"/>: the action is the name of the last one that is not 0, or <c>none</c>.
    /// </summary>
    public IReadOnlyList<string> ActionFlags { get; init; } = [];

    /// <summary>Column of the basket; by default <c>basket</c>, if there is one.</summary>
    public string? BasketColumn { get; init; }

    /// <summary>What makes events belong together.</summary>
    public BasketRule Baskets { get; init; }

    /// <summary>Column of the item's category, in event files and in item tables; by default <c>category</c>, if there is one.</summary>
    public string? CategoryColumn { get; init; }

    /// <summary>Column of the item's pool, in event files and in item tables; by default <c>pool</c>, if there is one.</summary>
    public string? PoolColumn { get; init; }

    /// <summary>Names of the columns of item tables without a header line; empty when the first line of each table is a header.</summary>
    public IReadOnlyList<string> ItemTableColumnNames { get; init; } = [];

    /// <summary>Tab-separated, with a header that names <c>user</c>, <c>item</c>, <c>time</c> and optionally label, action, basket, category, pool.</summary>
    public static DelimitedFormat Tsv { get; } = new() { Name = "TSV", Delimiter = "\t" };

    /// <summary>The same, separated by commas, with quotes.</summary>
    public static DelimitedFormat Csv { get; } = new() { Name = "CSV", Delimiter = ",", Quotes = QuoteRule.Double };

    /// <summary>
    /// MovieLens <c>ratings.csv</c> (userId, movieId, rating, timestamp), with <c>movies.csv</c> as item table: positive from 4 stars; the rating is the action;
    /// ratings saved in one second are a basket; the list of genres as a whole is the category.
    /// </summary>
    public static DelimitedFormat MovieLensCsv { get; } = new()
    {
        Name = "MovieLens csv",
        Delimiter = ",",
        Quotes = QuoteRule.Double,
        UserColumn = "userId",
        ItemColumn = "movieId",
        TimeColumn = "timestamp",
        LabelColumn = "rating",
        LabelThreshold = 4,
        ActionColumn = "rating",
        Baskets = BasketRule.EqualTimes,
        CategoryColumn = "genres",
    };

    /// <summary>MovieLens <c>ratings.dat</c> and <c>movies.dat</c>, separated by <c>::</c>, without header lines; otherwise as <see cref="MovieLensCsv"/>.</summary>
    public static DelimitedFormat MovieLensDat { get; } = MovieLensCsv with
    {
        Name = "MovieLens dat",
        Delimiter = "::",
        Quotes = QuoteRule.None,
        ColumnNames = ["userId", "movieId", "rating", "timestamp"],
        ItemTableColumnNames = ["movieId", "title", "genres"],
    };

    /// <summary>
    /// KuaiRand <c>log_*.csv</c> (user_id, video_id, time_ms, is_click, long_view and more), with <c>video_features_basic_*.csv</c> as item table: positive when
    /// the video was watched long (long_view); the action is long_view, is_click or none; the tag is the category. Several log files are one log.
    /// </summary>
    public static DelimitedFormat KuaiRand { get; } = new()
    {
        Name = "KuaiRand csv",
        Delimiter = ",",
        Quotes = QuoteRule.Double,
        UserColumn = "user_id",
        ItemColumn = "video_id",
        TimeColumn = "time_ms",
        TimeUnit = TimeUnit.Milliseconds,
        LabelColumn = "long_view",
        ActionFlags = ["is_click", "long_view"],
        CategoryColumn = "tag",
    };
}
