/// How the page looks. Colours are told apart by their lightness too, and by the letter in each cell.
///
/// A cell's text is fixed-width letters, one for each day, set apart by `letter-spacing` to the pitch: so a stretch of
/// days that are the same is one element, whose background has the gaps between days.
enum ReportStyle {
    static let sheet: StaticString = """

        :root{color-scheme:light dark;--p:16px;
        --bg:#fbfbf9;--panel:#fff;--ink:#1d2126;--soft:#565d66;--line:#e2e2dc;--link:#1a5a96;--accent:#1f6f5c;
        --thin:#5e8fbd;--thick:#2f6ea8;--alarm:#8a1c3c;--alarmbg:#fbeef1;
        --m:#bcd9f3;--mi:#22507d;--q:#cfeae0;--qi:#2a5f50;--o:#e0e2ef;--oi:#4a4f72;--c:#ebebe7;--ci:#575b60;
        --f:#f2b233;--fi:#332100;--s:#b24700;--si:#fff;--x:#7c1736;--xi:#fff;--w:#5b3fa0;--wi:#fff;--ni:#6f757d}
        @media (prefers-color-scheme:dark){:root{
        --bg:#13161a;--panel:#1a1e23;--ink:#e6e8ea;--soft:#a3aab3;--line:#2e343b;--link:#8cc0f2;--accent:#6cc5ab;
        --thin:#4478a8;--thick:#6ea6dc;--alarm:#ff9db5;--alarmbg:#3a1622;
        --m:#23527f;--mi:#e2f0ff;--q:#1d5547;--qi:#d8f5ea;--o:#3d4261;--oi:#e4e6f5;--c:#30353b;--ci:#c9ced4;
        --f:#dba02a;--fi:#1f1400;--s:#ef7b34;--si:#200d00;--x:#f291ac;--xi:#2d0412;--w:#b9a4f5;--wi:#1a1033;
        --ni:#8d949d}}
        *{box-sizing:border-box}
        html{-webkit-text-size-adjust:100%;scroll-padding-top:1rem}
        body{margin:0;background:var(--bg);color:var(--ink);
        font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans","Liberation Sans",sans-serif;
        font-variant-numeric:tabular-nums}
        header,main,footer{max-width:1180px;margin:0 auto;padding:0 24px}
        header{padding-top:34px}
        footer{padding:20px 24px 48px;color:var(--soft);font-size:13px}
        footer p{max-width:76ch}
        a{color:var(--link);text-underline-offset:.18em;text-decoration-thickness:1px}
        :focus-visible{outline:3px solid var(--link);outline-offset:2px;border-radius:2px}
        .skip{position:absolute;left:-999px}.skip:focus{left:8px;top:8px;background:var(--panel);padding:6px 10px;
        z-index:9}
        .brand{margin:0;color:var(--soft);font-size:13px}.brand strong{color:var(--accent)}
        h1{font-size:29px;line-height:1.2;font-weight:650;letter-spacing:-.015em;margin:4px 0 2px;
        overflow-wrap:anywhere}
        h2{font-size:20px;line-height:1.3;font-weight:650;letter-spacing:-.01em;margin:0 0 12px}
        h3{font-size:14px;font-weight:650;margin:22px 0 8px;color:var(--soft)}
        .meta{margin:0;color:var(--soft)}
        nav{display:flex;flex-wrap:wrap;gap:4px 18px;margin:14px 0 0;padding:9px 0;border-top:1px solid var(--line);
        border-bottom:1px solid var(--line);font-size:14px}
        section{margin:38px 0 0}
        .summary{margin-top:26px}
        .verdict{font-size:24px;display:flex;gap:12px;align-items:center;margin:0 0 18px}
        .sign{flex:none;width:34px;height:34px;border-radius:50%;display:grid;place-items:center;font-size:19px;
        font-weight:700;background:var(--q);color:var(--qi)}
        .ill .sign{background:var(--f);color:var(--fi)}
        .figures{list-style:none;margin:0;padding:0;display:grid;grid-template-columns:repeat(4,1fr);
        border:1px solid var(--line);border-radius:8px;background:var(--panel);overflow:hidden}
        .figures li{padding:13px 18px 12px;border-left:1px solid var(--line);margin-left:-1px}
        .figures b{display:block;font-size:27px;line-height:1.2;font-weight:600;letter-spacing:-.02em}
        .figures span{display:block}.figures small{display:block;color:var(--soft);font-size:12.5px;line-height:1.35}
        .figures .bad{background:var(--alarmbg)}.figures .bad b{color:var(--alarm)}
        .bars{margin-top:20px}.caption{margin:14px 0 5px;color:var(--soft);font-size:13px}
        .bar{display:flex;height:26px;border-radius:5px;overflow:hidden;gap:1px}
        .bar span{min-width:3px;overflow:hidden;padding-left:6px;line-height:26px;font-size:12px}
        .keys{list-style:none;display:flex;flex-wrap:wrap;gap:4px 18px;margin:8px 0;padding:0;font-size:13px;
        color:var(--soft)}
        .keys b{color:var(--ink);font-weight:600}
        .legend{margin:0 0 4px}
        .key{display:inline-block;width:var(--p);height:18px;font:600 11px/18px var(--mono);text-align:center;
        border-radius:2px;margin-right:6px;vertical-align:1px}
        :root{--mono:ui-monospace,"DejaVu Sans Mono","Liberation Mono",Menlo,Consolas,monospace}
        code{font-family:var(--mono);font-size:.88em;overflow-wrap:anywhere}
        .quiet{color:var(--soft);margin:4px 0 10px;max-width:76ch}
        .scroll{overflow-x:auto;max-width:100%;border:1px solid var(--line);border-radius:8px;background:var(--panel);
        margin:0 0 14px}
        table{border-collapse:collapse;font-size:14px}
        caption{text-align:left;padding:9px 14px 5px;color:var(--soft);font-size:13px}
        .list{width:100%}
        .list th,.list td{text-align:left;padding:7px 14px;border-top:1px solid var(--line);vertical-align:top;
        font-weight:400}
        .list thead th{color:var(--soft);font-size:12.5px;padding-bottom:4px;white-space:nowrap;border-top:0}
        .list tbody th{font-weight:600;overflow-wrap:anywhere;min-width:9em}
        .list small{display:block;color:var(--soft);font-weight:400;overflow-wrap:anywhere}
        .list .when,.grade{white-space:nowrap}.list .number{white-space:nowrap;text-align:right}
        .list tbody .number{padding-right:22px}
        .list th code{white-space:nowrap}.list .why{min-width:15em}
        .cal{direction:rtl}.many{content-visibility:auto;contain-intrinsic-size:auto 1240px}
        .cal table{direction:ltr;width:100%}
        .cal td,.cal th{padding:0 4px 0 0;font-weight:400;white-space:nowrap}
        .cal td,.cal thead th{text-align:left;border-left:4px solid transparent;padding:0}
        .cal.few table{width:auto;margin-right:auto}.cal.few .vm{width:220px;min-width:220px;max-width:220px}
        .cal thead th{font-size:11px;color:var(--soft);height:26px}
        .cal .vm{position:sticky;left:0;z-index:1;background:var(--panel);width:100%;min-width:190px;max-width:0;
        overflow:hidden;text-overflow:ellipsis;text-align:left;padding:0 8px 0 14px;font-size:13px;border-left:0}
        .cal tr>:last-child{padding-right:14px}.cal tbody tr:last-child>*{padding-bottom:10px}
        .cal tbody tr:hover .vm{text-decoration:underline;text-underline-offset:.2em}
        .tick{display:inline-block;overflow:hidden;vertical-align:bottom}
        .cal td{font:600 11px/20px var(--mono);height:23px}
        .cal i,.cal b{font-style:normal;font-weight:600;display:inline-block;vertical-align:middle;height:20px;
        letter-spacing:calc(var(--p) - 1ch);padding-left:calc((var(--p) - 1ch)/2);
        margin-right:calc((1ch - var(--p))/2);
        background:repeating-linear-gradient(90deg,transparent 0 calc(var(--p) - 1px),
        var(--panel) calc(var(--p) - 1px) var(--p)),
        linear-gradient(var(--b,transparent),var(--b,transparent));
        background-size:calc(100% - (var(--p) - 1ch)/2) 100%;
        background-repeat:no-repeat;color:var(--t)}
        .cal .d{padding:0;margin:0;letter-spacing:0;background:none}
        .cal .d b{display:block;width:max-content;height:10px;font-size:9px;line-height:10px}
        .m{--b:var(--m);--t:var(--mi)}.q{--b:var(--q);--t:var(--qi)}.o{--b:var(--o);--t:var(--oi)}
        .c{--b:var(--c);--t:var(--ci)}.f{--b:var(--f);--t:var(--fi)}.s{--b:var(--s);--t:var(--si)}
        .cal .m,.cal .q,.cal .o,.cal .c,.cal .n{font-weight:400}
        .x{--b:var(--x);--t:var(--xi)}.w{--b:var(--w);--t:var(--wi)}.n{--t:var(--ni)}
        .key,.bar span{background:var(--b,transparent);color:var(--t)}
        .bar b{font:600 11px var(--mono)}
        .split{overflow:hidden}.split b{display:block;height:9px;font:600 8px/9px var(--mono);background:var(--b);
        color:var(--t)}
        .key.split{vertical-align:-3px}
        .ec{text-decoration:underline 2px;text-underline-offset:3px}.ed{text-decoration:line-through 2px}
        .ec:not(.key),.ed:not(.key){text-decoration-skip-ink:none}
        details{border:1px solid var(--line);border-radius:8px;background:var(--panel);margin:0 0 6px}
        summary{cursor:pointer;padding:8px 14px;font-weight:600;font-size:14px}
        summary small{font-weight:400;font-size:13px;color:var(--soft);margin-left:10px}
        summary .key{margin:0 5px 0 2px}
        details>.scroll{border-width:1px 0 0;border-radius:0;margin:0}details>.quiet{margin:0 14px 8px;font-size:13px}
        details.wide{margin-top:14px}
        .chart{display:block;width:100%;min-width:680px;height:auto;font-size:11px}
        .grid{stroke:var(--line);stroke-width:1}.axis{fill:var(--soft)}
        .chart path{fill:none}.thin{stroke:var(--thin)}.thick{stroke:var(--thick)}.dots{stroke:var(--ink)}
        .trend{display:block}.trend path{stroke:var(--s);fill:none}
        dl{display:grid;grid-template-columns:minmax(13em,max-content) 1fr;gap:0;margin:0;font-size:14px;
        border-top:1px solid var(--line)}
        dt,dd{margin:0;padding:6px 0;border-bottom:1px solid var(--line)}dt{padding-right:24px}
        dt:target,dt:target+dd{background:var(--alarmbg)}
        .hidden{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap;
        padding:0}
        @media (max-width:760px){
        header,main,footer{padding-left:14px;padding-right:14px}header{padding-top:20px}
        h1{font-size:23px}.verdict{font-size:19px}section{margin-top:30px}
        .figures{grid-template-columns:1fr 1fr}.figures li{padding:10px 14px;border-top:1px solid var(--line);
        margin-top:-1px}
        .figures b{font-size:22px}
        .cal .vm,.cal.few .vm{min-width:112px;padding-left:10px}.cal.few .vm{width:112px;max-width:112px}
        dl{display:block}dt{border:0;padding-bottom:0}dd{padding-top:0}
        summary small{display:block;margin:0}
        .list,.list caption,.list tbody,.list tr,.list tbody th,.list td{display:block}
        .list thead{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
        .list caption{padding:8px 14px}.list tr{border-top:1px solid var(--line);padding:7px 14px}
        .list tbody th,.list td,.list tbody .number{position:relative;border:0;padding:1px 0 1px 128px;
        text-align:left;white-space:normal;min-width:0}
        .list tbody th{padding-left:0}.list td:empty{display:none}
        .list td::before{position:absolute;left:0;color:var(--soft);font-size:13px;line-height:21px}
        .list td:nth-child(2)::before{content:var(--c2)}.list td:nth-child(3)::before{content:var(--c3)}
        .list td:nth-child(4)::before{content:var(--c4)}.list td:nth-child(5)::before{content:var(--c5)}
        .list td:nth-child(6)::before{content:var(--c6)}.list td:nth-child(7)::before{content:var(--c7)}
        .list .when,.list .grade,.list th code{white-space:normal}.list .trend{max-width:100%}}
        @media print{:root{--bg:#fff;--panel:#fff;--ink:#000;--soft:#444;--line:#ccc;color-scheme:light}
        nav,.skip{display:none}body{font-size:11px}*{print-color-adjust:exact;-webkit-print-color-adjust:exact}
        .scroll{overflow:visible;border:0}.many{content-visibility:visible}section{break-inside:auto}
        tr{break-inside:avoid}
        :root{--p:12px}}
        @media (forced-colors:active){.key,.cal i,.cal b,.bar span{forced-color-adjust:none}}

        """
}
