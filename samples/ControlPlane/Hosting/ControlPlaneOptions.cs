namespace ControlPlane.Hosting;

/// <summary>The sample's own settings.</summary>
internal sealed class ControlPlaneOptions
{
    public const string SectionName = "ControlPlane";

    /// <summary>Where the private Postgres cluster and the coordinator id are kept. Default <c>data</c> under the content root.</summary>
    public string DataFolder { get; set; } = "data";

    /// <summary>Where <c>initdb</c> and <c>pg_ctl</c> lie; null: wherever they are found.</summary>
    public string? PostgresBinFolder { get; set; }

    /// <summary>
    /// The token with which operators pull levers; null: one is made at the first start, and kept in the data folder. A secret: set it
    /// with the environment variable <c>ControlPlane__OperatorToken</c>.
    /// </summary>
    public string? OperatorToken { get; set; }

    /// <summary>How long a request waits for the process to be able to start a saga. Default 5 s.</summary>
    public TimeSpan StartTimeout { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>How long a request waits for its saga to end; it is answered 202 then. Default 30 s.</summary>
    public TimeSpan AnswerTimeout { get; set; } = TimeSpan.FromSeconds(30);
}

/// <summary>A setting makes no sense. The message is for the person at the terminal.</summary>
internal sealed class SettingException(string message) : Exception(message);
