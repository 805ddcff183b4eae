# ruff: noqa: E501
"""Who each assertion that weighs speaks of: its id, the finding, the direction, the entities or groups.

Read off the founding text, so that a weight that is lost from configs/ is missed here, even where how often a finding
is seen would point the same way.
"""

WEIGHTS = """
A003 physiologic_calcification for no_calcification
A008 site_shoulder for peritendinitis_calcarea
A009 site_elbow for peritendinitis_calcarea
A011 necrotic_tissue for group:dystrophic
A012 history_trauma for group:dystrophic
A016 history_tuberculosis for calcified_lymph_node
A020 endocrine_disorder for metastatic_calcification
A021 metabolic_disorder for metastatic_calcification
A022 hypercalcemia for metastatic_calcification
A023 hyperphosphatemia for metastatic_calcification
A024 in_kidney for metastatic_calcification
A025 vascular_calcification for metastatic_calcification
A026 periarticular for metastatic_calcification
A032 in_skin for calcinosis_universalis calcinosis_circumscripta
A033 in_subcutis for calcinosis_universalis calcinosis_circumscripta
A034 linear_pattern for calcinosis_universalis calcinosis_circumscripta
A035 mass_like against calcinosis_universalis calcinosis_circumscripta
A036 in_vessel for group:vascular
A037 in_artery for arterial_calcification
A038 in_vein for venous_calcification
A039 plaque_pattern for atheromatous_plaque
A040 phlebolith_pattern for phlebolith
A044 matrix_pattern for matrix_producing_tumor
A046 juvenile_age for dermatomyositis
A051 linear_pattern for dermatomyositis/deep_linear
A052 sheet_like for dermatomyositis/diffuse_subcutaneous
A053 dermatomyositis_known for dermatomyositis
A059 intermuscular for milk_of_calcium
A060 fluid_collection for milk_of_calcium
A061 us_echogenic_fluid for milk_of_calcium
A062 heavy_calcification for milk_of_calcium
A063 linear_pattern for milk_of_calcium
A064 fluid_moves_on_compression for milk_of_calcium
A065 mri_t1_normal for milk_of_calcium
A066 mri_t2_bright for milk_of_calcium
A067 dermatomyositis_known for milk_of_calcium
A068 fluid_moves_on_compression for milk_of_calcium
A074 lobulated against calcified_bursa
A075 lobulated against calcified_lipoma
A079 history_trauma requires myositis_ossificans
A080 linear_pattern for myositis_ossificans
A081 lobulated against myositis_ossificans
A085 necrotic_tissue for granuloma calcified_lymph_node
A086 tropical_residence for calcified_lymph_node
A087 tropical_residence for granuloma calcified_lymph_node
A093 site_hip for tumoral_calcinosis
A094 exam_at_node_station for calcified_lymph_node/inguinal
A095 exam_at_node_station for calcified_lymph_node/femoral
A096 history_surgery for postsurgical_paralytic/postsurgical
A097 site_hip for postsurgical_paralytic
A098 history_paralysis for postsurgical_paralytic/paralytic
A099 beside_humeral_head for tumoral_calcinosis
A100 beside_scapula for tumoral_calcinosis
A105 exam_mobile against granuloma
A106 exam_well_defined against granuloma
A107 small_lesion for tumoral_calcinosis
A110 fluid_level for tumoral_calcinosis
A116 rim_calcification for hydatid_cyst/intact
A117 smooth_rim for hydatid_cyst/intact
A118 round_outline for hydatid_cyst/intact
A119 smooth_rim against tumoral_calcinosis
A120 amorphous for hydatid_cyst/collapsed
A121 lobulated against hydatid_cyst/collapsed
A122 lobulated for tumoral_calcinosis
A123 septate for tumoral_calcinosis
A125 periarticular for granuloma/tuberculous_debris
A126 healed_or_destroyed_joint for granuloma/tuberculous_debris
A127 history_tuberculosis for granuloma/tuberculous_debris
A128 worm_shape for calcified_worm
A129 worm_pattern for calcified_worm
A130 amorphous for calcified_worm cysticercosis hydatid_cyst
A131 multiple_lesions for calcified_worm cysticercosis
A132 superficial for calcified_worm cysticercosis
A134 hyperparathyroidism for metastatic_calcification/hyperparathyroidism
A135 chronic_kidney_disease for metastatic_calcification/chronic_nephritis
A136 vitamin_d_intoxication for metastatic_calcification/vitamin_d_intoxication
A137 milk_alkali_syndrome for metastatic_calcification/milk_alkali_syndrome
A139 bone_demineralization for metastatic_calcification
A140 visceral_calcification for metastatic_calcification
A144 hyperphosphatemia for tumoral_calcinosis
"""

EXCLUSIONS = """
A084 bone_formation excludes tumoral_calcinosis
A091 site_neck excludes tumoral_calcinosis
A092 site_inguinal excludes tumoral_calcinosis
A112 fluid_level excludes group:peritendinitis group:dystrophic group:metastatic group:calcinosis_cutis group:vascular group:tumor dermatomyositis group:mimic
A141 bone_demineralization excludes tumoral_calcinosis
A142 visceral_calcification excludes tumoral_calcinosis
"""
