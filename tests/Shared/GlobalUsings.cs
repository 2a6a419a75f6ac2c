namespace Tests.Shared;

/// <summary>The usings that a build adds to each project, for tests that compile code of the samples and documents.</summary>
internal static class GlobalUsings
{
    /// <summary>The implicit usings of the Web SDK.</summary>
    public const string OfWebProject =
        """
        global using System;
        global using System.Collections.Generic;
        global using System.IO;
        global using System.Linq;
        global using System.Net.Http;
        global using System.Net.Http.Json;
        global using System.Threading;
        global using System.Threading.Tasks;
        global using Microsoft.AspNetCore.Builder;
        global using Microsoft.AspNetCore.Hosting;
        global using Microsoft.AspNetCore.Http;
        global using Microsoft.AspNetCore.Routing;
        global using Microsoft.Extensions.Configuration;
        global using Microsoft.Extensions.DependencyInjection;
        global using Microsoft.Extensions.Hosting;
        global using Microsoft.Extensions.Logging;
        """;

    /// <summary>The usings of a test project, as tests/Directory.Build.props has them.</summary>
    public const string OfTestProject =
        """
        global using FluentAssertions;
        global using Xunit;
        """;
}
