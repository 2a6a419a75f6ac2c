#!/usr/bin/env bash
# Guess: with EnableConfigurationBindingGenerator, `configuration.Bind(settings)` does the same as before, only by generated code. What it cannot do it
# reports when the project is built (SYSLIB1100 and the like), or leaves to the binding by reflection.
#
# Fact: a property whose type is bound through a TypeConverter, such as an id of one's own, is left out of the generated code, without a diagnostic at
# any level. The setting is read by nobody, and the property keeps its default.
#
# Why it matters: web projects with PublishAot have the generator on by default, since binding by reflection would be a warning there. The first thing to be bound
# through a converter is an identity, of a node or a tenant. A service that is compiled to native code then runs under a default identity, takes what belongs to
# another, or leaves its own work behind. Read such a setting by hand: Parse(section["Node"]).
#
# Source: dotnet/runtime issue 83599 (open) has the decision that the generator looks up no converter; the list of its diagnostics has SYSLIB1101 for
# a property that is not supported, which does not appear here.
set -euo pipefail
umask 022

export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1 DOTNET_SKIP_FIRST_TIME_EXPERIENCE=1 MSBUILDDISABLENODEREUSE=1 UseSharedCompilation=false
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM HUP # once what runs at the moment has ended, so that it leaves nothing behind
cd "$work"
export TMPDIR=$work NUGET_PACKAGES=$work/packages

cat >app.csproj <<'XML'
<Project Sdk="Microsoft.NET.Sdk">
  <PropertyGroup>
    <OutputType>Exe</OutputType>
    <TargetFramework>net10.0</TargetFramework>
    <ImplicitUsings>enable</ImplicitUsings>
    <Nullable>enable</Nullable>
    <AnalysisMode>All</AnalysisMode>
    <TreatWarningsAsErrors>false</TreatWarningsAsErrors>
  </PropertyGroup>
  <ItemGroup>
    <PackageReference Include="Microsoft.Extensions.Configuration" Version="10.0.0" />
    <PackageReference Include="Microsoft.Extensions.Configuration.Binder" Version="10.0.0" />
  </ItemGroup>
</Project>
XML
cat >Program.cs <<'CS'
using System.ComponentModel;
using System.Globalization;
using Microsoft.Extensions.Configuration;

IConfiguration configuration = new ConfigurationBuilder()
    .AddInMemoryCollection(new Dictionary<string, string?> { ["Node"] = "node-7", ["Slots"] = "3" })
    .Build();
var settings = new Settings();
configuration.Bind(settings);
Console.WriteLine($"Node={settings.Node} Slots={settings.Slots}");

public sealed class Settings
{
    public NodeId Node { get; set; } = new("unset");

    public int Slots { get; set; }
}

[TypeConverter(typeof(NodeIdConverter))]
public readonly record struct NodeId(string Value)
{
    public override string ToString() => Value;
}

public sealed class NodeIdConverter : TypeConverter
{
    public override bool CanConvertFrom(ITypeDescriptorContext? context, Type sourceType) => sourceType == typeof(string);

    public override object? ConvertFrom(ITypeDescriptorContext? context, CultureInfo? culture, object value) => new NodeId((string)value);
}
CS

# Builds the program with or without the generator, and prints what it binds.
bind() {
    dotnet build app.csproj -c Release -v m -p:EnableConfigurationBindingGenerator="$1" -o "out-$1" >"build-$1.log" || { cat "build-$1.log" >&2; exit 2; }
    rm -rf obj
    "out-$1/app"
}

reflection=$(bind false)
generated=$(bind true)
diagnostics=$(grep -cE 'SYSLIB11[0-9]{2}' build-true.log || true)
echo "Microsoft.Extensions.Configuration.Binder 10.0.0, SDK $(dotnet --version); the settings are Node=node-7 and Slots=3"
echo "  by reflection:     $reflection"
echo "  by generated code: $generated; diagnostics of the generator: $diagnostics"
[[ $reflection == "Node=node-7 Slots=3" ]] || { echo "Nothing can be said: the converter is not used." >&2; exit 2; }
if [[ $generated != "Node=unset Slots=3" || $diagnostics != 0 ]]; then
    echo "CHANGED: generated code binds the property, or a diagnostic says that it does not."
    exit 1
fi
echo "As described: the property that needs a converter is skipped in silence."
